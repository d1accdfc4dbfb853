"""What static mode can find missing, each thing with its rules: a sentence that requires it fails, and never passes."""

from worker.core.linear import pattern
from worker.verification.static import certain
from worker.verification.static.topic import Topic, thing

_ALL = r"(?:(?:all|every|each|any) )"
_HAVE = (
    r"(?:(?:must|shall|should|has to|have to|needs to) (?:have|carry|include|contain|start with|begin with|come with)"
    r"|has|have)"
)
REQUIRED: tuple[Topic, ...] = (
    Topic(
        "module docstrings",
        required=thing(rf"{_ALL}?(?:python )?modules? {_HAVE} (?:an? )?(?:module )?docstrings?"),
        rules=("ruff:D100",),
        not_in=certain.ASIDE,
        python=True,
    ),
    Topic(
        "class docstrings",
        required=thing(rf"{_ALL}?(?:public )?(?:python )?class(?:es)? {_HAVE} (?:an? )?docstrings?"),
        rules=("ruff:D101",),
        not_in=certain.ASIDE,
        python=True,
    ),
    Topic(
        "function docstrings",
        required=thing(
            rf"{_ALL}?(?:public )?(?:python )?(?:functions?|functions and methods) {_HAVE} (?:an? )?docstrings?"
        ),
        rules=("ruff:D103",),
        not_in=certain.ASIDE,
        python=True,
    ),
    Topic(
        "type annotations",
        required=thing(
            rf"{_ALL}?(?:public )(?:python )?(?:functions?|functions and methods|methods) (?:{_HAVE} (?:an? "
            rf")?(?:(?:full|complete) )?(?:return )?type (?:hints?|annotations?)|(?:must|shall|should) be (?:fully "
            rf")?(?:type-?annotated|annotated|typed))"
        ),
        rules=("ruff:ANN201",),
        not_in=certain.ASIDE,
        python=True,
    ),
    Topic(
        "annotations",
        required=thing(
            rf"{_ALL}(?:python )?(?:functions?|functions and methods|methods) (?:{_HAVE} (?:an? )?(?:(?:full"
            rf"|complete) )?type (?:hints?|annotations?)|(?:must|shall|should) be (?:fully )?(?:type-?annotated"
            rf"|annotated|typed))"
        ),
        rules=("ruff:ANN001", "ruff:ANN201", "ruff:ANN202"),
        not_in=certain.ASIDE,
        python=True,
    ),
    Topic(
        "timeouts",
        required=thing(
            rf"{_ALL}?(?:outgoing |outbound |external )*(?:http |network )?(?:requests?|http calls?|calls with "
            rf"`?requests`?) {_HAVE} (?:an? )?(?:explicit )?timeouts?"
            r"|(?:http |outgoing )*requests without (?:an? )?timeouts? (?:are|is) (?:forbidden|prohibited|not allowed)"
        ),
        rules=("ruff:S113",),
        not_in=certain.TESTS,
        sure=certain.request,
        python=True,
    ),
    Topic(
        "certificates",
        required=thing(
            rf"{_ALL}?(?:tls |ssl |server )+certificates? (?:must|shall|should) (?:always )?be (?:verified"
            rf"|validated|checked)"
        ),
        rules=("ruff:S501",),
        shows=pattern(r"\bverify\s*=\s*False\b"),
        not_in=certain.TESTS,
        python=True,
    ),
)
