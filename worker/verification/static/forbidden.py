"""What static mode can decide, each thing with its rules: a closed table, every line of which has its proof in the
tests.

A FAIL takes a finding of a rule whose every finding is what the sentence forbids. A PASS takes that no file in scope
can hold the thing: words without which it cannot be written stand nowhere, or rules that see every case are silent.
What analyzers only guess at (hard-coded secrets, SQL built from strings) decides nothing; it is shown
as a place to look."""

import re  # noqa: TID251  linear: from the beginning of a line to its end, once

from worker.core.linear import Pattern, escape, pattern
from worker.verification.static import certain
from worker.verification.static.topic import Topic, thing


def _name(*names: str) -> Pattern:
    """A function by its names, as people write it."""
    either = "|".join(escape(name) for name in names)
    return thing(
        rf"(?:python's |the |built-?in |builtin )*`?(?:{either})(?:\(\s*(?:\.\.\.|…)?\s*\))?`?(?: (?:function"
        rf"|builtin|call|calls|statements?|expressions?|built-in))?"
    )


def _marker(word: str) -> Pattern:
    """The marker in a comment; «TODO» before another word in capitals may be Spanish."""
    return re.compile(rf"(?m)^[^#\n]*#[^\n]*\b{word}\b(?!\s+[^\W\da-z_]{{2,}}\b)")


FORBIDDEN: tuple[Topic, ...] = (
    Topic(
        "eval",
        _name("eval"),
        rules=("ruff:S307",),
        shows=pattern(r"\beval\b"),
        not_in=certain.TESTS,
        words=(("eval",),),
    ),
    Topic("exec", _name("exec"), rules=("ruff:S102",), not_in=certain.TESTS, words=(("exec",),)),
    Topic(
        "shell=True",
        thing(
            r"`?(?:subprocess(?:\.\w+)?(?:es)? (?:calls? )?with )?`?shell\s*=\s*true`?(?: (?:in|with|for) "
            r"`?subprocess`?(?: calls?)?)?"
        ),
        rules=("ruff:S602",),
        shows=pattern(r"\bshell\s*=\s*True\b"),
        not_in=certain.TESTS,
        words=(("shell",),),
        python=True,
    ),
    Topic(
        "os.system",
        _name("os.system"),
        rules=("ruff:S605",),
        shows=pattern(r"(?:^|[^\w.])(?:os\.)?system\s*\("),
        not_in=certain.TESTS,
        words=(("os", "system"),),
        python=True,
    ),
    Topic(
        "os.popen",
        _name("os.popen"),
        rules=("ruff:S605",),
        shows=pattern(r"(?:^|[^\w.])(?:os\.)?popen\s*\("),
        not_in=certain.TESTS,
        words=(("os", "popen"),),
        python=True,
    ),
    Topic(
        "pickle",
        thing(r"`?pickle`?(?: module)?|`?pickle\.loads?(?:\(\))?`?"),
        rules=("ruff:S301",),
        shows=pattern(r"(?:^|[^\w.])pickle\.(?:loads?|Unpickler)\s*\("),
        not_in=certain.TESTS,
        words=(("*pickle*",), ("shelve",), ("dill",), ("joblib",)),
        python=True,
    ),
    Topic(
        "md5",
        thing(r"`?md-?5`?(?: hash(?:es|ing)?)?|`?hashlib\.md5(?:\(\))?`?"),
        rules=("ruff:S324",),
        says=pattern(r"(?i)`md5`"),
        not_in=certain.TESTS,
        words=(("*md5*",), ("*md-5*",), ("*md_5*",)),
    ),
    Topic(
        "sha1",
        thing(r"`?sha-?1`?(?: hash(?:es|ing)?)?|`?hashlib\.sha1(?:\(\))?`?"),
        rules=("ruff:S324",),
        says=pattern(r"(?i)`sha-?1`"),
        not_in=certain.TESTS,
        words=(("*sha1*",), ("*sha-1*",), ("*sha_1*",), ("sha",), ("shs",)),
    ),
    Topic(
        "yaml.load",
        _name("yaml.load"),
        rules=("ruff:S506",),
        not_in=certain.TESTS,
        words=(("yaml", "load"),),
        python=True,
    ),
    Topic(
        "mktemp", _name("tempfile.mktemp", "mktemp"), rules=("ruff:S306",), not_in=certain.TESTS, words=(("mktemp",),)
    ),
    Topic(
        "verify=False",
        thing(r"`?verify\s*=\s*false`?(?: (?:in|for) `?requests`?(?: calls?)?)?"),
        rules=("ruff:S501",),
        shows=pattern(r"\bverify\s*=\s*False\b"),
        not_in=certain.TESTS,
        words=(("verify",),),
        python=True,
    ),
    Topic(
        "bare except",
        thing(
            r"`?bare[ -]`?except`?:?`?(?: clauses?| statements?| blocks?| handlers?)?|`except:`(?: clauses?| "
            r"statements?| blocks?)?"
        ),
        rules=("ruff:E722",),
        words=(("@except:",),),
        python=True,
    ),
    Topic(
        "except: pass",
        thing(r"`except: ?pass`(?: blocks?)?"),
        rules=("ruff:S110",),
        shows=pattern(r"\bexcept\s*:"),
        words=(("@except:",),),
        python=True,
    ),
    Topic(
        "try-except-pass",
        thing(r"`except Exception: ?pass`(?: blocks?)?|`?try`?[-/]`?except`?[-/]`?pass`?"),
        rules=("ruff:S110",),
        shows=pattern(r"\bexcept\s+(?:Base)?Exception\b"),
        python=True,
    ),
    Topic(
        "mutable default arguments",
        thing(
            r"mutable (?:default (?:arguments?|values?|parameters?)(?: values?)?|defaults|argument defaults)(?: for "
            r"arguments| in functions)?"
        ),
        rules=("ruff:B006",),
        not_in=pattern(r"\.pyi$"),
        python=True,
    ),
    Topic(
        "undefined names",
        thing(r"undefined (?:names?|variables?)(?: in (?:the )?python code)?"),
        rules=("ruff:F821",),
        not_in=certain.ASIDE,
        sure=certain.undefined_name,
        python=True,
    ),
    Topic(
        "unused imports",
        thing(r"unused (?:python )?imports?(?: statements?)?"),
        rules=("ruff:F401",),
        sure=certain.unused_import,
        silent=("ruff:F401", "ruff:F811", "ruff:F403"),
        blind=(("@import a.b",), ("@import as _",)),
    ),
    Topic(
        "wildcard imports",
        thing(r"(?:wildcard|star|`?\*`?)[ -]imports?|`?import \*`?|`from \S+ import \*`"),
        rules=("ruff:F403",),
        words=(("@import *",),),
    ),
    Topic(
        "print",
        thing(
            r"(?:python's |the |builtin )*`?print(?:\(\s*(?:\.\.\.|…)?\s*\))?`?(?: (?:statements?|calls?|functions?))?"
        ),
        rules=("ruff:T201",),
        not_in=certain.ASIDE,
        sure=certain.printing,
        words=(("@print",),),
    ),
    Topic(
        "TODO",
        thing(r"`?(?:TODOs?|TODO comments?|TODO markers?)`?(?: comments?| markers?| items?)?"),
        rules=("ruff:FIX002",),
        shows=_marker("TODO"),
        words=(("*todo*",),),
        marks=True,
        paths=True,
    ),
    Topic(
        "FIXME",
        thing(r"`?(?:FIXMEs?|FIXME comments?|FIXME markers?)`?(?: comments?| markers?)?"),
        rules=("ruff:FIX001",),
        shows=_marker("FIXME"),
        words=(("*fixme*",),),
        marks=True,
        paths=True,
    ),
    Topic(
        "assert",
        thing(r"`?assert`?(?: statements?)?"),
        rules=("ruff:S101",),
        not_in=certain.TESTS,
        words=(("*assert*",),),
    ),
    Topic(
        "datetime.utcnow",
        _name("datetime.utcnow", "datetime.datetime.utcnow", "utcnow"),
        rules=("ruff:DTZ003",),
        not_in=certain.TESTS,
        words=(("utcnow",),),
        python=True,
    ),
    Topic(
        "naive datetimes",
        thing(r"na[iï]ve (?:datetimes?|datetime objects?|datetime values?)"),
        rules=("ruff:DTZ001", "ruff:DTZ003", "ruff:DTZ004", "ruff:DTZ005", "ruff:DTZ006"),
        not_in=certain.TESTS,
        sure=certain.naive,
        python=True,
    ),
)
