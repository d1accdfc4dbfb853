"""What kind a criterion is. A rule about code that is called process would disappear from the verdict."""

import pytest

from worker.core.vocabulary import CriterionKind
from worker.verification.constitution import kinds
from worker.verification.constitution.reading import read


@pytest.mark.parametrize(
    "statement",
    [
        "Code MUST NOT call `eval()`",
        "No bare `except`",
        "`csrf_exempt` is forbidden",
        "Never log a token",
        "We do not truncate files",
        "Avoid global state",
        "Nothing from the network is piped into a shell",
        "There is no `static mut`",
        "Package variables that change after start are forbidden",
        "`shutil.move`, `os.remove` MUST NOT be used outside `journal.py`",
        "`print` is reserved for `cli.py`",
        "`except Exception` is allowed in `main.py` only",
        "Only `cli` may write to the screen",
        "❌ Prop drilling",
        "`any` types are prohibited except with a comment",
        "Keine globalen Variablen",
        "Nunca guardar claves",
        "禁止使用 `eval`",
        "`any` 타입 사용을 금지합니다",
        "パスワードをログに出力しない",
        "Запрещено хранить пароли",
    ],
)
def test_what_forbids(statement: str) -> None:
    assert kinds.of(statement) is CriterionKind.FORBIDS


@pytest.mark.parametrize(
    "statement",
    [
        "Every function has a docstring",
        "No function without a docstring",
        "There is never a call without a timeout",
        "Functions MUST NOT lack a docstring",
        "❌ Components without labels",
        "Ninguna función sin pruebas",
        "Keine Funktion ohne Test",
        "Functions that are not public are `static`",
        "A view that changes data accepts nothing but POST",
        "Amounts MUST be compared with `compareTo`, never with `equals`",
        "Money is in integer cents, never in floating point",
        "Comments explain why, not what",
        "Tests run, and MUST NOT sleep, and MUST be short",
        "Provide a docstring for each function",
        "Include a timeout in requests",
        "The API must include a request id in responses",
        "A reason MUST be given when a rule is ignored",
    ],
)
def test_what_is_required_everywhere(statement: str) -> None:
    assert kinds.of(statement) is CriterionKind.EVERYWHERE


@pytest.mark.parametrize(
    "statement",
    [
        "The repository MUST contain a LICENSE",
        "There MUST be a `/health` endpoint",
        "Provide a README",
        "The service exposes a health check",
        "A CHANGELOG file MUST exist",
        "The project has a code of conduct",
    ],
)
def test_what_must_be_somewhere(statement: str) -> None:
    assert kinds.of(statement) is CriterionKind.SOMEWHERE


@pytest.mark.parametrize(
    "statement",
    [
        "All PRs MUST have one approval",
        "Code review required before merge",
        "Amendments require approval",
        "Changes are approved by two maintainers",
        "Squash merge for feature branches",
        "Violations MUST be justified in the pull request",
        "Write failing tests first",
        "Commit messages follow Conventional Commits",
        "This constitution supersedes all other practices",
        "Maintainers approve each pull request",
    ],
)
def test_what_speaks_of_people(statement: str) -> None:
    assert kinds.of(statement) is CriterionKind.PROCESS


@pytest.mark.parametrize(
    "statement",
    [
        "Reviews MUST be shown with their stars",
        "Branches are closed at 18:00",
        "Teams MUST have at most twenty members",
        "Authors may only delete their own posts",
        "Invoices MUST NOT be amended after they were sent",
        "Reports MUST be sent weekly",
        "Transfers over 10000 EUR MUST be approved by two managers",
        "Orders MUST be approved by a team lead",
        "Approvals MUST be recorded with their time",
        "Incidents MUST be closed by their owner",
        "Releases of the lock happen at the end",
        "Deployments MUST have resource limits",
        "Commits MUST be atomic",
        "Violations MUST be logged",
        "Lists MUST be sorted before merging",
        "Audits MUST keep their order",
        "Pull requests MUST NOT add dependencies",
        "No pull request introduces global state",
        "Reviewers verify that nothing is hard-coded",
        "Code review must verify that all times are UTC",
        "Developers MUST NOT use eval",
        "Contributors never hard-code a password",
        "Secrets MUST NOT be committed",
        "API keys are in no commit",
        "An exception to this is program initialization",
        "Deviations from the field names MUST be documented",
        "`release-please` writes the release notes",
        "Releases carry a CHANGELOG",
        "Async methods MUST return a Future",
        "No side effects, only execution flows",
    ],
)
@pytest.mark.parametrize("title", ["Code Review Checklist", "Governance"])
def test_a_rule_about_code_or_the_product_is_never_process(statement: str, title: str) -> None:
    assert kinds.of(statement) is not CriterionKind.PROCESS
    (criterion,) = read(f"## {title}\n\n- {statement}\n").criteria
    if title != "Governance":
        assert criterion.kind is not CriterionKind.PROCESS


def test_what_a_lead_about_people_announces_is_process_unless_it_names_code() -> None:
    text = "All pull requests MUST:\n\n- have two approvals\n- keep functions short\n"
    assert [c.kind for c in read(text).criteria] == [CriterionKind.PROCESS, CriterionKind.EVERYWHERE]


def test_a_negation_below_a_title_that_forbids_is_a_prohibition() -> None:
    text = "## Prohibitions (MUST NOT)\n\n- **No telemetry**: Do not collect statistics\n- Missing tests\n"
    assert [c.kind for c in read(text).criteria] == [CriterionKind.FORBIDS, CriterionKind.EVERYWHERE]


def test_tests_below_a_lead_about_their_order_are_no_process() -> None:
    text = "Testing is mandatory before implementation:\n\n- Unit tests for all functions\n- Write tests first\n"
    assert [c.kind for c in read(text).criteria] == [CriterionKind.EVERYWHERE, CriterionKind.PROCESS]


@pytest.mark.parametrize(
    ("text", "believed"),
    [
        ("Secrets MUST NOT be committed", False),
        ("Developers MUST NOT use eval", False),
        ("Approvals MUST be recorded", False),
        ("Invoices MUST NOT be amended", False),
        ("パスワードを平文で保存してはならない", False),
        ("Two people look at every pull request", True),
        ("Reviews happen within two working days", True),
        ("すべての PR は承認されなければならない", True),
        ("Änderungen gehen durch einen Pull Request", True),
        ("Esta constitución se cambia por consenso, tras revisión", True),
    ],
)
def test_whether_a_reader_who_calls_it_process_is_believed(text: str, believed: bool) -> None:
    assert kinds.may_be_process(text) is believed


@pytest.mark.parametrize(
    ("own", "statement", "believed"),
    [
        ("The repository has a LICENSE.", "A LICENSE file exists.", True),
        ("Es gibt eine Lizenzdatei.", "A licence file exists.", True),
        ("Passwords MUST be hashed.", "Passwords are hashed.", False),
        ("Code MUST NOT call `eval`.", "There is no `eval`.", False),
        ("Jede Funktion hat einen Test.", "A test exists.", False),
        ("Kein Modul ruft `eval`.", "An evaluation exists.", False),
        ("Every endpoint has a timeout.", "A timeout exists.", False),
    ],
)
def test_whether_a_reader_who_calls_one_place_enough_is_believed(own: str, statement: str, believed: bool) -> None:
    assert kinds.may_be_somewhere(own, statement) is believed
