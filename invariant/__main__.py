"""The command line. `bash start.sh ROLE` calls it once the environment is there."""

import argparse
import importlib
import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from invariant import constitution, outputs

USAGE_ERROR = 3
_FOUND = f"the first of {', '.join(constitution.PLACES)} in the folder"


_COMMANDS = {
    "migrate": "invariant.migrate",
    "rollups": "invariant.rollups",
    "dev": "invariant.dev",
    "demo": "invariant.demo",
    "verify": "invariant.verify",
    "fix": "invariant.fix",
    "github-app": "invariant.github_app",
    "chaos": "invariant.chaos.command",
    "fuzz": "invariant.fuzz.command",
    "eval": "invariant.eval.command",
    "check-deployment": "invariant.check_deployment",
}
"""The module whose `command` does a role's work; loaded when it is asked for."""


class _Parser(argparse.ArgumentParser):
    """2 is the exit code of a PARTIAL verdict, so a wrong call has another one."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        sys.stderr.write(f"{self.prog}: {message}\n")
        raise SystemExit(USAGE_ERROR)


def _parser() -> _Parser:
    parser = _Parser(prog="invariant", description="Verify a repository against a written constitution.")
    roles = parser.add_subparsers(dest="role", required=True, metavar="ROLE")
    roles.add_parser("api", help="serve the api on $PORT")
    roles.add_parser("worker", help="take up runs")
    roles.add_parser("migrate", help="bring the database's schema to the newest revision")
    roles.add_parser("dev", help="api and worker on this machine, restarted when the code changes")
    rollups = roles.add_parser("rollups", help="the analytics: make them from the runs again, or verify them")
    rollups.add_argument("what", choices=("rebuild", "verify"), help="verify exits with 1 when anything was wrong")
    demo = roles.add_parser("demo", help="the whole product once, on an example or on a folder of yours")
    demo.add_argument("path", nargs="?", help="the folder to verify (default: the bundled example)")
    demo.add_argument("--constitution", metavar="FILE", help=f"what to verify it against (default: {_FOUND})")
    demo.add_argument("--open", action="store_true", help="serve the pages until Ctrl-C, and print their address")
    verify = roles.add_parser(
        "verify",
        help="verify a folder; for people and CI",
        description="Exit codes: 0 PASS, 1 FAIL or VETO, 2 PARTIAL, 3 ERROR. Uses CVA_BACKEND_URL with "
        "CVA_API_TOKEN, or a stack of its own on this machine.",
    )
    verify.add_argument("path", help="the folder to verify")
    verify.add_argument("--constitution", metavar="FILE", help=f"what to verify it against (default: {_FOUND})")
    verify.add_argument(
        "--format", choices=outputs.FORMATS, help="of standard output (default: table), or of a single file"
    )
    verify.add_argument(
        "--output",
        metavar="FILE",
        action="append",
        default=[],
        help="write there instead of standard output; may be repeated. The ending says the form: .md, .sarif, .json, "
        ".txt (table); - is standard output",
    )
    fix = roles.add_parser(
        "fix",
        help="verify a folder and fix what is broken; shows each fix with its proof",
        description="Exit codes as those of `verify`, for the folder as it is in the end: without --apply it is as it "
        "was. Asks about fixes that need an approval, where somebody is at the terminal.",
    )
    fix.add_argument("path", help="the folder to fix")
    fix.add_argument("--constitution", metavar="FILE", help=f"what to verify it against (default: {_FOUND})")
    fix.add_argument(
        "--apply", action="store_true", help="write the proven fixes to the folder, if git says that it is clean"
    )
    fix.add_argument("--output", metavar="FILE", help="write the patch there, for `git apply`")
    app = roles.add_parser("github-app", help="make the GitHub App of this installation, in one step")
    app.add_argument("--url", required=True, help="where GitHub reaches the api, such as https://cva.example.com")
    app.add_argument("--name", default="Invariant", help="of the App; nobody else's may be called so")
    app.add_argument("--organization", help="whose the App is to be (default: yours)")
    app.add_argument("--github", default="https://github.com", help="or GitHub Enterprise, such as https://HOST")
    app.add_argument(
        "--members", action="store_true", help="also ask who may do what, for CVA_GITHUB_LOGINS; for organizations"
    )
    app.add_argument("--output", default="github-app.env", help="the file that is written (default: github-app.env)")
    app.add_argument("--port", type=int, default=0, help="of the page on this machine (default: a free one)")
    check = roles.add_parser(
        "check-deployment",
        help="go through the deployment checklist against a running installation; 1 when a line does not hold",
    )
    check.add_argument("url", help="the api's address")
    check.add_argument("--ui", metavar="URL", help="the ui's address")
    check.add_argument("--callback", metavar="URL", help="an address of yours that is to be told of a run")
    check.add_argument("--seconds", type=float, help="how long the run may take (default: 600)")
    _evaluating(roles)
    _measuring(roles)
    return parser


def _evaluating(roles: "argparse._SubParsersAction[_Parser]") -> None:
    evaluate = roles.add_parser(
        "eval",
        help="how right the verdicts are, on a suite with known answers",
        description="run [SUITE…]: verify a suite (default: the bundled one) and print its figures; what is there is "
        "not asked again. compare A.jsonl B.jsonl: which of two configurations is better; exits with 1 when the second "
        "is worse. import KIND SET: a suite of a public set (sarif, owasp-python, bugsinpy, swe-bench). feedback: a "
        "suite of what people marked.",
    )
    evaluate.add_argument("what", choices=("run", "compare", "import", "feedback"))
    evaluate.add_argument("paths", nargs="*", help="folders or files, as `what` needs them")
    evaluate.add_argument("--name", default="eval", help="run: of the configuration; its answers are NAME.jsonl")
    evaluate.add_argument("--output", metavar="DIR", help="run: where the answers are kept; else: the suite to write")
    evaluate.add_argument("--json", metavar="FILE", help="run: write the figures there")
    evaluate.add_argument("--html", metavar="FILE", help="run: write a page with the curves there")
    evaluate.add_argument(
        "--calibration", metavar="FILE", help="run: write the judges' curves for CVA_CALIBRATION there"
    )
    evaluate.add_argument("--at-once", type=int, default=4, help="run: how many cases are verified at once")


def _end(number: int, _: object) -> NoReturn:
    """A signal ends the role by way of its `finally` blocks, so that nothing it started is left behind."""
    raise SystemExit(128 + number)


def _from_where_it_was_called(arguments: argparse.Namespace) -> None:
    """start.sh goes to the checkout; the paths it was given are meant from where the caller stood."""
    origin = os.environ.get("INVARIANT_ORIGIN")
    if not origin:
        return
    for name in ("path", "paths", "constitution", "output", "json", "html", "calibration", "repo", "cases"):
        value = getattr(arguments, name, None)
        if isinstance(value, list):
            setattr(arguments, name, [_from(origin, each) for each in value])
        elif value:
            setattr(arguments, name, _from(origin, value))


def _from(origin: str, name: str) -> str:
    return name if name == outputs.STANDARD_OUTPUT else str(Path(origin, name))


def _measuring(roles: "argparse._SubParsersAction[_Parser]") -> None:
    """What measures and harms."""
    bench = roles.add_parser(
        "bench",
        help="measure; those of `decisions`, `clients`, `contained`, `scale`, `flow`, `remediate`, `deliveries`, "
        "`reading`, `seeing` and `pages` judge",
    )
    bench.add_argument(
        "what",
        choices=(
            "queue",
            "verify",
            "retrieval",
            "decisions",
            "analytics",
            "contained",
            "clients",
            "scale",
            "flow",
            "remediate",
            "deliveries",
            "reading",
            "seeing",
            "pages",
        ),
    )
    bench.add_argument(
        "--seconds", type=float, default=8.0, help="queue, clients, scale: how long each figure is measured"
    )
    bench.add_argument(
        "--call-seconds", type=float, default=2.0, help="verify, remediate: how long a call of a model takes"
    )
    bench.add_argument(
        "--repo", action="append", default=[], help="retrieval, reading: a git repository; may be repeated"
    )
    bench.add_argument("--files", type=int, default=0, help="reading: of one large repository, such as 20000")
    bench.add_argument("--commits", type=int, default=60, help="retrieval: how many commits of each repository")
    bench.add_argument("--cases", action="append", default=[], help="decisions: a folder of cases; may be repeated")
    bench.add_argument("--json", metavar="FILE", help="decisions: write the whole result there")
    bench.add_argument("--clients", type=int, default=1000, help="clients: how many there are with one token")
    bench.add_argument("--runs", type=int, default=10_000_000, help="analytics: how many runs there are")
    bench.add_argument("--rate", type=float, default=10_000, help="flow: how many runs come in a minute")
    bench.add_argument("--minutes", type=float, default=10, help="flow: for how long")
    bench.add_argument("--seed", type=int, default=1, help="deliveries: of the order in which they are sent")
    bench.add_argument("--queued", type=int, default=1_000_000, help="scale: how many runs wait")
    bench.add_argument("--finished", type=int, default=10_000_000, help="scale: how many runs have ended")
    bench.add_argument("--repos", type=int, default=500, help="analytics: of how many repositories")
    bench.add_argument("--days", type=int, default=730, help="analytics: in how many days")
    chaos = roles.add_parser("chaos", help="harm it, and see that nothing is lost or doubled")
    chaos.add_argument("--scenario", action="append", default=[], help="a part of a scenario's name; may be repeated")
    chaos.add_argument("--short", action="store_true", help="a tenth of the time")
    fuzz = roles.add_parser(
        "fuzz", help="hostile input for every reader of strangers' bytes; 1 when one fails or hangs"
    )
    fuzz.add_argument("what", help="a target, `all`, `growth`: whose time grows faster than its text; or `runs`")
    fuzz.add_argument("--seconds", type=float, default=60.0, help="how long each target")
    fuzz.add_argument("--seed", type=int, default=0, help="the same seed makes the same inputs")
    fuzz.add_argument(
        "--guided", action="store_true", help="under libFuzzer, by way of atheris, which must be installed"
    )
    fuzz.add_argument("--repositories", type=int, default=10_000, help="runs: how many, from the seed on")
    fuzz.add_argument("--size", type=int, default=64_000, help="growth: the largest text")


def main(argv: list[str] | None = None) -> int:
    """Run one role; returns the exit code."""
    arguments = _parser().parse_args(argv)
    _from_where_it_was_called(arguments)
    if arguments.role not in ("api", "worker"):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _end)
    match arguments.role:
        case "api" | "worker":
            os.execv(sys.executable, [sys.executable, "-m", arguments.role])  # noqa: S606  our own module
        case "bench":
            bench = importlib.import_module(f"invariant.bench.{arguments.what}")
            found: int = bench.command(arguments)
            return found
        case role:
            module = importlib.import_module(_COMMANDS[role])
            ended: int = module.command(arguments)
            return ended


if __name__ == "__main__":
    sys.exit(main())
