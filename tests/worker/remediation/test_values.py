"""Issues, root causes, steps, outcomes and patterns: functions of values."""

from dataclasses import replace

import pytest

from worker.core.vocabulary import Category, FixAction, IssueOrigin, Outcome, Severity
from worker.remediation import issues, outcome, patterns, plan, root_causes
from worker.remediation.edits import Edit
from worker.remediation.issues import Failed, Found, Issue, Place
from worker.remediation.outcome import Applied, Result


def place(path: str = "a.py", line: int = 1, rule: str | None = "ruff:S307", **more: str) -> Place:
    return Place(path, line, line, more.get("quote", f"line {line}"), rule, more.get("fingerprint"))


def failed(
    key: str = "k", *places: Place, category: Category = Category.STYLE, severity: Severity = Severity.LOW
) -> Failed:
    return Failed(key, category, severity, f"The statement of {key}.", "It fails.", places or (place(),))


def issue(key: str, *places: Place, category: Category = Category.STYLE, severity: Severity = Severity.LOW) -> Issue:
    return Issue(IssueOrigin.CRITERION, key, category, severity, "m", "s", places)


class TestIssues:
    def test_a_failed_criterion_is_one_and_the_gravest_comes_first(self) -> None:
        found = issues.of_run(
            [failed("a"), failed("b", category=Category.SECURITY), failed("c", severity=Severity.HIGH)], [], ()
        )
        assert [one.key for one in found] == ["b", "c", "a"]

    def test_a_precise_critical_finding_is_one_unless_a_criterion_holds_it(self) -> None:
        def found(rule: str, line: int, *, precise: bool = True, severity: Severity = Severity.CRITICAL) -> Found:
            return Found(Category.SECURITY, severity, "m", precise, place(line=line, rule=rule))

        every = [
            found("ruff:S307", 1), found("bandit:B1", 2), found("bandit:B1", 5), found("bandit:B2", 3, precise=False),
            found("bandit:B3", 4, severity=Severity.LOW),
        ]  # fmt: skip
        rows = issues.of_run([failed("a", place(line=1))], every, ())
        assert [(one.key, len(one.places)) for one in rows] == [("bandit:B1", 2), ("a", 1)]

    def test_what_people_accepted_is_none(self) -> None:
        accepted = place(line=2, fingerprint="f")
        assert issues.of_run([failed("a", accepted)], [], {"f"}) == []
        (one,) = issues.of_run([failed("a", accepted, place(line=3))], [], {"f"})
        assert [own.start_line for own in one.places] == [3]

    def test_one_without_a_place_is_told_and_not_fixable(self) -> None:
        (one,) = issues.of_run([Failed("a", Category.STYLE, Severity.LOW, "s", "r", ())], [], ())
        assert not one.fixable


class TestRootCauses:
    def test_shared_places_rules_and_symbols_are_one(self) -> None:
        grouped = root_causes.group(
            [
                issue("place-1", place(line=3, rule="a:1"), category=Category.SECURITY),
                issue("place-2", place(line=3, rule="b:2")),
                issue("rule-1", place("b.py", 1, "c:3")),
                issue("rule-2", place("c.py", 9, "c:3")),
                issue("symbol-1", place("d.py", 1, "d:4")),
                issue("symbol-2", place("d.py", 5, "e:5")),
                issue("alone", place("e.py", 5, "f:6")),
            ],
            {("d.py", 1): "f", ("d.py", 5): "f"},
            {},
        )
        assert [[one.key for one in cause.issues] for cause in grouped] == [
            ["place-1", "place-2"], ["rule-1", "rule-2"], ["symbol-1", "symbol-2"], ["alone"],
        ]  # fmt: skip
        assert [cause.confidence for cause in grouped] == [1.0, 0.9, 0.7, 1.0]
        assert grouped[0].category is Category.SECURITY

    def test_what_is_imported_is_fixed_before_what_imports_it(self) -> None:
        causes = root_causes.group(
            [issue("user", place("user.py", rule="a:1")), issue("base", place("base.py", rule="b:1"))],
            {},
            {"user.py": ["base.py"], "base.py": []},
        )
        assert [cause.primary.key for cause in causes] == ["base", "user"]

    def test_a_circle_of_imports_ends(self) -> None:
        ring = {"a.py": ["b.py"], "b.py": ["a.py"]}
        causes = root_causes.group(
            [issue("a", place("a.py", rule="a:1")), issue("b", place("b.py", rule="b:1"))], {}, ring
        )
        assert [cause.primary.key for cause in causes] == ["a", "b"]

    def test_security_comes_first_whatever_imports_what(self) -> None:
        causes = root_causes.group(
            [
                issue("style", place("base.py", rule="a:1")),
                issue("grave", place("u.py", rule="b:1"), category=Category.SECURITY),
            ],
            {},
            {"u.py": ["base.py"]},
        )
        assert [cause.primary.key for cause in causes] == ["grave", "style"]


class TestPlan:
    def cause(self, *places: Place, key: str = "k") -> root_causes.RootCause:
        return root_causes.RootCause(issue(key, *places), (), "", 1.0)

    def test_what_a_tool_can_do_is_a_step_of_its_own(self) -> None:
        steps = plan.steps(
            [self.cause(place(line=1), place(line=5))], frozenset({("a.py", 1, "ruff:S307")}), most_files=9
        )
        assert [(step.tool, [p.start_line for p in step.places]) for step in steps] == [(True, [1]), (False, [5])]

    def test_many_files_are_staged(self) -> None:
        steps = plan.steps([self.cause(*(place(f"{n}.py") for n in range(5)))], frozenset(), most_files=2)
        assert [len(step.files) for step in steps] == [2, 2, 1]
        assert {step.wave for step in steps} == {0}

    def test_steps_that_share_a_file_follow_each_other_and_others_do_not_wait(self) -> None:
        causes = [
            self.cause(place("a.py"), key="1"), self.cause(place("a.py", 9), place("b.py"), key="2"),
            self.cause(place("c.py"), key="3"), self.cause(place("b.py", 7), key="4"),
        ]  # fmt: skip
        assert [step.wave for step in plan.steps(causes, frozenset(), most_files=9)] == [0, 1, 0, 2]

    def test_a_key_outlives_moved_lines_and_tells_code_apart(self) -> None:
        def key(*places: Place) -> str:
            return plan.steps([self.cause(*places)], frozenset(), most_files=9)[0].key

        here = place(line=3, quote="eval(x)")
        assert key(here) == key(replace(here, start_line=9, end_line=9))
        assert key(here) != key(replace(here, quote="eval(y)"))
        assert key(here) != key(replace(here, path="b.py"))


class TestOutcome:
    FIX = Applied("f", ("k",), frozenset({("a.py", "bad()")}), {"a.py": frozenset({"good()"})}, checked=False)
    FAIL, PASS, UNDECIDED = Outcome.FAIL, Outcome.PASS, Outcome.UNDECIDED

    def result(self, word: Outcome, *paths: str, quote: str = "bad()") -> Result:
        return Result(word, frozenset((path, quote) for path in paths))

    @pytest.mark.parametrize(
        ("after", "checked", "kept"),
        [
            (Outcome.PASS, False, True),
            (Outcome.PASS, True, True),
            (Outcome.UNDECIDED, False, False),
            (Outcome.UNDECIDED, True, True),
            (Outcome.FAIL, False, False),
        ],
    )
    def test_what_is_proven_is_kept(self, after: Outcome, checked: bool, kept: bool) -> None:
        before = {"k": self.result(self.FAIL, "a.py")}
        fates = outcome.decide([replace(self.FIX, checked=checked)], before, {"k": self.result(after)})
        assert fates["f"].kept is kept

    def test_a_failure_elsewhere_is_not_the_fixes(self) -> None:
        before = {"k": self.result(self.FAIL, "a.py", "b.py")}
        checked = replace(self.FIX, checked=True)
        assert outcome.decide([checked], before, {"k": self.result(self.FAIL, "b.py")})["f"].kept
        assert not outcome.decide([checked], before, {"k": self.result(self.FAIL, "a.py")})["f"].kept
        assert outcome.decide([self.FIX], before, {"k": self.result(self.FAIL, "b.py")})["f"].kept
        many = replace(self.result(self.FAIL, "b.py"), more=True)
        assert not outcome.decide([self.FIX], before, {"k": many})["f"].kept

    def test_another_place_of_the_same_file_is_left_for_the_next_time(self) -> None:
        before = {"k": self.result(self.FAIL, "a.py")}
        after = {"k": self.result(self.FAIL, "a.py", quote="worse()")}
        assert outcome.decide([self.FIX], before, after)["f"].kept

    def test_what_a_fix_wrote_and_is_broken_is_the_fixes(self) -> None:
        before = {"k": self.result(self.FAIL, "a.py"), "n": self.result(self.FAIL, "x.py")}
        for key in ("k", "n"):
            after = {"k": self.result(self.PASS), key: self.result(self.FAIL, "a.py", quote="    good()\nmore()")}
            assert not outcome.decide([self.FIX], before, after)["f"].kept

    def test_what_newly_fails_takes_along_who_touched_it_or_all(self) -> None:
        other = replace(
            self.FIX, id="o", places=frozenset({("b.py", "bad()")}), written={"b.py": frozenset({"fine()"})}
        )
        before = {"k": self.result(self.FAIL, "a.py"), "n": self.result(self.PASS)}
        met = {"k": self.result(self.PASS)}
        touched = outcome.decide([self.FIX, other], before, {**met, "n": self.result(self.FAIL, "b.py")})
        assert [touched["f"].kept, touched["o"].kept] == [True, False]
        nowhere = outcome.decide([self.FIX, other], before, {**met, "n": self.result(self.FAIL, "z.py")})
        assert [fate.kept for fate in nowhere.values()] == [False, False]

    def test_what_was_undecided_before_and_fails_elsewhere_is_nobodys(self) -> None:
        before = {"k": self.result(self.FAIL, "a.py"), "n": self.result(self.UNDECIDED)}
        after = {"k": self.result(self.PASS), "n": self.result(self.FAIL, "z.py")}
        assert outcome.decide([self.FIX], before, after)["f"].kept

    def test_who_is_not_judged_again_is_not_kept(self) -> None:
        assert not outcome.decide([self.FIX], {}, {})["f"].kept
        assert outcome.decide([replace(self.FIX, checked=True)], {}, {})["f"].kept


class TestPatterns:
    EDIT = Edit("a.py", "    data = yaml.load(handle)", "    data = yaml.safe_load(handle)")

    def test_a_line_teaches_what_may_be_another_name(self) -> None:
        template = patterns.learned("a.py", [self.EDIT])
        assert template is not None
        line = "\tconfig = yaml.load(file)"
        assert patterns.fits(template, "b.py", line, [line]) == [Edit("b.py", line, "\tconfig = yaml.safe_load(file)")]

    @pytest.mark.parametrize(
        "line",
        ["x = json.load(f)", "x = yaml.load(f, y)", "x = yaml.load(f())", "x = yaml.load(f.g)", "yaml.load(f)", ""],
    )
    def test_other_code_does_not_fit(self, line: str) -> None:
        template = patterns.learned("a.py", [self.EDIT])
        assert template is not None
        assert patterns.fits(template, "b.py", line, [line]) is None

    def test_the_same_hole_is_the_same_name(self) -> None:
        template = patterns.learned("a.py", [Edit("a.py", "x = f(x)", "x = g(x)")])
        assert template is not None
        assert patterns.fits(template, "b.py", "y = f(z)", ["y = f(z)"]) is None
        assert patterns.fits(template, "b.py", "y = f(y)", ["y = f(y)"]) == [Edit("b.py", "y = f(y)", "y = g(y)")]

    def test_imports_come_along_once(self) -> None:
        learned = patterns.learned(
            "a.py",
            [
                Edit("a.py", "    return eval(text)", "    return ast.literal_eval(text)"),
                Edit("a.py", "import os", "import ast\nimport os"),
            ],
        )
        assert learned is not None
        lines = ["import re", "v = 1", "    return eval(value)"]
        assert patterns.fits(learned, "b.py", lines[2], lines) == [
            Edit("b.py", lines[2], "    return ast.literal_eval(value)"), Edit("b.py", "import re", "import ast\nimport re"),
        ]  # fmt: skip
        assert patterns.fits(learned, "b.py", lines[2], ["import ast", *lines]) == [
            Edit("b.py", lines[2], "    return ast.literal_eval(value)")
        ]

    @pytest.mark.parametrize(
        "edit",
        [
            Edit("a.py", "a\nb", "c\nd"),
            Edit("a.js", "a()", "b()"),
            Edit("a.py", "x = 'unclosed", "y = 1"),
            Edit("a.py", "x" * 600, "y"),
        ],
    )
    def test_what_is_more_than_a_line_of_python_teaches_nothing(self, edit: Edit) -> None:
        assert patterns.learned(edit.path, [edit]) is None

    def test_trust_grows_with_what_was_kept_and_fades(self) -> None:
        assert patterns.confidence(0, 0) == 0.75
        assert patterns.confidence(20, 0) > 0.9 > patterns.confidence(3, 0) > patterns.confidence(3, 3)
        assert patterns.decayed(8, 90) == 4
        assert patterns.decayed(8, 0) == 8
        assert patterns.calibrated(0.95, 0, 0) == 0.95
        assert patterns.calibrated(0.95, 10, 10) < 0.7


def test_the_actions_are_ordered_by_strictness() -> None:
    assert [action.value for action in FixAction] == ["AUTO", "REVIEW", "CONFIRM", "MANUAL"]
