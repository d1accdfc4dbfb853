"""Times, docstrings, annotations."""

from tests.worker.verification.static.proofs.proof import Proof, hidden

PROOFS: tuple[Proof, ...] = (
    Proof(
        "datetime.utcnow",
        "`datetime.utcnow()` is forbidden.",
        fails=(
            "from datetime import datetime\ndatetime.utcnow()\n",
            "import datetime\ndatetime.datetime.utcnow()\n",
            "import datetime as dt\ndt.datetime.utcnow()\n",
        ),
        breaks=(
            "from datetime import datetime\nnow = datetime.utcnow\nnow()\n",
            "from datetime import datetime\nfield(default_factory=datetime.utcnow)\n",
            *hidden("from datetime import datetime\ndatetime.utcnow()\n"),
        ),
        similar=("# datetime.utcnow()\n", "def f(clock):\n    clock.utcnow()\n", "X = 'utcnow'\n"),
        keeps=("from datetime import UTC, datetime\ndatetime.now(UTC)\n",),
    ),
    Proof(
        "naive datetimes",
        "Naive datetimes are forbidden.",
        fails=(
            "from datetime import datetime\nX = datetime.now()\n",
            "from datetime import datetime\nX = datetime(2020, 1, 1)\n",
            "from datetime import datetime\nX = datetime.fromtimestamp(1)\n",
        ),
        breaks=("from datetime import datetime\nX = datetime.fromisoformat('2020-01-01')\n",),
        similar=(
            "from datetime import UTC, datetime\nX = datetime.now(UTC)\n",
            "from datetime import UTC, datetime\nX = datetime(2020, 1, 1, tzinfo=UTC)\n",
            "import pytz\nfrom datetime import datetime\nX = pytz.utc.localize(datetime(2020, 1, 1))\n",
            "from datetime import datetime\nX = make_aware(datetime.now())\n",
            "from datetime import datetime\nX = datetime.now().astimezone()\n",
            {"tests/test_a.py": "from datetime import datetime\nX = datetime(2020, 1, 1)\n"},
        ),
        keeps=(),
    ),
    Proof(
        "module docstrings",
        "Every module MUST have a docstring.",
        fails=("X = 1\n", "# comment\nX = 1\n"),
        similar=(
            '"""A module."""\n',
            {"tests/test_a.py": "X = 1\n"},
            {"vendor/a.py": "X = 1\n"},
            {"setup.py": "X = 1\n"},
        ),
        keeps=(),
    ),
    Proof(
        "class docstrings",
        "All classes MUST have a docstring.",
        fails=("class A:\n    x = 1\n",),
        breaks=("class _A:\n    x = 1\n", {"a.ts": "class A {}\n"}),
        similar=(
            'class A:\n    """A."""\n',
            "class _A:\n    x = 1\n",
            {"tests/test_a.py": "class TestA:\n    x = 1\n"},
        ),
        keeps=(),
    ),
    Proof(
        "function docstrings",
        "Every function MUST have a docstring.",
        fails=("def f():\n    return 1\n",),
        breaks=("def _f():\n    return 1\n",),
        similar=(
            'def f():\n    """F."""\n',
            "def _f():\n    return 1\n",
            {"tests/test_a.py": "def test_a():\n    return 1\n"},
            'from typing import overload\n\n\n@overload\ndef f(x: int) -> int: ...\n\n\ndef f(x):\n    """F."""\n',
        ),
        keeps=(),
    ),
    Proof(
        "type annotations",
        "All public functions MUST have type hints.",
        fails=("def f(x):\n    return x\n",),
        breaks=("class A:\n    def __init__(self, x):\n        self.x = x\n",),
        similar=(
            "def f(x: int) -> int:\n    return x\n",
            "def _f(x):\n    return x\n",
            {"tests/test_a.py": "def test_a(x):\n    return x\n"},
        ),
        keeps=(),
    ),
    Proof(
        "annotations",
        "All functions MUST have type annotations.",
        fails=("def f(x) -> int:\n    return x\n", "def f(x: int):\n    return x\n", "def _f(x: int):\n    return x\n"),
        similar=(
            "def f(x: int) -> int:\n    return x\n",
            "class A:\n    def f(self) -> None:\n        return None\n",
            "f = lambda x: x\n",
            {"tests/test_a.py": "def test_a(x):\n    return x\n"},
        ),
        keeps=(),
    ),
)
