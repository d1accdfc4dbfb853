"""Names, imports, defaults."""

from tests.worker.verification.static.proofs.proof import Case, Proof, hidden

# Names that are bound where a checker does not look.
_PACKAGED: tuple[Case, ...] = tuple(
    {"src/app/__init__.py": "", "src/app/a.py": text}
    for text in (
        "X = __file__\n",
        "def f():\n    return _('text')\n",
        "def f(x: 'Later'):\n    return x\n",
        "def f(x):\n    # type: (Later) -> int\n    return x\n",
        "try:\n    text = unicode\nexcept NameError:\n    text = str\n",
        "from os import *\n\ngetcwd()\n",
        "globals().update({'X': 1})\nY = X\n",
        "exec('X = 1')\nY = X\n",
        "import builtins\n\nbuiltins.tr = str\nX = tr(1)\n",
        "def f():\n    global X\n    X = 1\n\n\ndef g():\n    return X\n",
        "reveal_type(1)\n",
        "if X := 1:\n    print(X)\n",
        "class A:\n    def f(self):\n        return __class__\n",
        "print(__name__, __builtins__)\n",
    )
)

PROOFS: tuple[Proof, ...] = (
    Proof(
        "mutable default arguments",
        "No mutable default arguments.",
        fails=("def f(x=[]):\n    return x\n", "def f(*, x={}):\n    return x\n"),
        breaks=(
            "f = lambda x=[]: x\n",
            "Y = []\n\n\ndef f(x=Y):\n    return x\n",
        ),
        similar=(
            "def f(x=()):\n    return x\n",
            "def f(x=None):\n    return x or []\n",
            "from dataclasses import dataclass, field\n\n\n@dataclass\nclass A:\n    x: list = field(default_factory=list)\n",
            "f(x=[])\n",
            {"src/a.pyi": "def f(x=[]): ...\n"},
        ),
        keeps=(),
    ),
    Proof(
        "undefined names",
        "There MUST NOT be undefined names.",
        fails=(
            {"src/app/__init__.py": "", "src/app/a.py": "def f():\n    return nowhere\n"},
            {"src/app/__init__.py": "", "src/app/a.py": "def f(x):\n    return json.dumps(x)\n"},
        ),
        breaks=(
            "def f():\n    return nowhere\n",
            {"src/app/__init__.py": "", "src/app/a.py": "def f():\n    print(x)\n    x = 1\n"},
        ),
        similar=(
            *_PACKAGED,
            {"src/app/__init__.py": "import builtins\n\nbuiltins.tr = str\n", "src/app/a.py": "X = tr(1)\n"},
            {"SConscript.py": "env = Environment()\n"},
            {"docs/conf.py": "if tags.has('x'):\n    X = 1\n"},
            {"tests/__init__.py": "", "tests/test_a.py": "X = nowhere\n"},
            {"src/app/__init__.py": "", "src/app/a.pyi": "X: Later\n"},
            {"notebooks/a.py": "spark.sql('x')\n"},
        ),
        keeps=(),
    ),
    Proof(
        "unused imports",
        "No unused imports.",
        fails=(
            "import json\n",
            "import json\nimport re\n\nre.compile('a')\n",
            "from json import dumps\n",
            "from json import dumps as to_text\n",
            "def f():\n    import json\n",
        ),
        breaks=(
            "import requests\n",
            "from json import *\n",
            "import xml.dom\nimport xml.sax\n\nxml.dom.registerDOMImplementation\n",
            "import os\nimport os.path\n\nos.getcwd()\n",
            "import os as _\n",
            "import json\nimport json\n\njson.dumps(1)\n",
            "from gettext import gettext as _\n",
            "import json\n\n\ndef f(json):\n    return json\n",
            {"src/app/__init__.py": "import json\n"},
            {"a.py": "X = 1\n", "b.ts": "import { x } from 'x';\n"},
            {"a.py": "X = 1\n", "b.java": "import java.util.List;\n"},
            *hidden("import json\n"),
        ),
        similar=(
            "import readline\n",
            "import app.models\n",
            "from app import signals\n",
            "from __future__ import annotations\n",
            "import json  # noqa: F401\n",
            "import json as json\n",
            "import json\n\n__all__ = ['json']\n",
            "try:\n    import json\nexcept ImportError:\n    HAVE = False\n",
            "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from json import JSONDecoder\n\n\n"
            "def f(x: 'JSONDecoder'):\n    return x\n",
            "from typing import List\n\nx = []  # type: List[int]\n",
            '"""Doctest.\n\n>>> json.dumps(1)\n\'1\'\n"""\n\nimport json\n',
            "import json\n\nX = eval('json')\n",
            {"src/app/__init__.py": "from .a import X\n", "src/app/a.py": "X = 1\n"},
            {"tests/conftest.py": "from json import dumps\n"},
            {"src/compat.py": "from json import dumps\n", "src/b.py": "from .compat import dumps\n\ndumps(1)\n"},
            {
                "src/compat.py": "from json import dumps\n",
                "src/b.py": "from .compat import (\n    x,\n    dumps,\n)\n\ndumps(x)\n",
            },
            {"src/compat.py": "from json import dumps\n", "src/b.py": "from . import compat\n\ncompat.dumps(1)\n"},
            {"src/compat.py": "from json import dumps\n", "src/b.py": "from src import compat as c\n\nc.dumps(1)\n"},
            {"src/net.py": "import json\n", "tests/test_net.py": "def f(mock):\n    mock.patch('src.net.json')\n"},
        ),
        keeps=("import json\n\njson.dumps(1)\n", "X = 1\n", "from typing import List\n\nX: List = []\n"),
    ),
    Proof(
        "wildcard imports",
        "Wildcard imports are forbidden.",
        fails=("from os import *\n", "from .a import *\n", "from  os  import  *\n"),
        breaks=(
            "from os import \\\n    *\n",
            "from os import\x0c*\n",
            "exec('from os import *')\n",
            "if X:\n    from os import *\n",
            {"a.js": "import * as x from 'x';\n"},
            {"A.java": "import java.util.*;\n"},
            {"a.rs": "use std::io::*;\n"},
            {"a.rs": "use std::{\n    io::*,\n};\n"},
            {"a.scala": "import scala.util._\n"},
            {"src/app/__init__.py": "from .a import *\n"},
            *hidden("from os import *\n"),
        ),
        similar=("# from os import *\n", "X = 2 * 3\n", "X = 'from os import *'\n", "def f(*args):\n    return args\n"),
        keeps=("import os\n\nX = 2 * 3\n", "def f(*args):\n    return args\n"),
    ),
)
