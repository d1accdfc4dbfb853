"""Settings: what the environment says, and what production requires."""

import re
from pathlib import Path

import pytest

from tests.support.app import settings
from ui.settings import Settings as Pages
from worker.__main__ import check_grace
from worker.core.settings import DATABASE_URL_REQUIRED, Settings, load

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("variable", ["CVA_PRODUCTION", "RAILWAY_ENVIRONMENT"])
def test_production_needs_a_database(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "true")
    with pytest.raises(RuntimeError, match=re.escape(DATABASE_URL_REQUIRED)):
        load()


def test_the_guides_sentence_is_kept_to_the_letter() -> None:
    assert DATABASE_URL_REQUIRED == "DATABASE_URL environment variable is required in production/Railway"


def test_the_shells_home_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/somewhere")
    assert load().home == Path(".invariant")


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVA_API_TOKEN", "")
    monkeypatch.setenv("PORT", "")
    assert load().api_token is None
    assert load().port == 8001


def test_a_wrong_value_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "eighty")
    with pytest.raises(RuntimeError, match="PORT"):
        load()


@pytest.mark.parametrize("variable", ["GOOGLE_API_KEY", "GEMINI_API_KEY"])
def test_both_names_of_googles_key_count(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "AIza-test")
    assert load().has_provider


def test_analyzers_are_a_json_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CVA_ANALYZERS", '[{"name": "own", "command": ["own", "{files}"], "patterns": ["*.x"]}]')
    assert load().analyzers[0].command == ("own", "{files}")
    monkeypatch.setenv("CVA_ANALYZERS", "own")
    with pytest.raises(RuntimeError, match="analyzers"):
        load()


def test_secrets_are_not_shown() -> None:
    found = settings(CVA_API_TOKEN="the-hidden-token", OPENAI_API_KEY="sk-hidden-too")
    assert "hidden" not in repr(found)
    assert set(found.secrets()) == {"the-hidden-token", "sk-hidden-too"}


def test_the_readme_lists_every_setting() -> None:
    readme = (ROOT / "README.md").read_text()
    names = []
    for field in (*Settings.model_fields.values(), *Pages.model_fields.values()):
        alias = field.validation_alias or field.alias
        names += [str(choice) for choice in alias.choices] if hasattr(alias, "choices") else [str(alias)]
    assert [name for name in names if f"`{name}`" not in readme] == []


@pytest.mark.parametrize(
    ("grace", "drain", "starts"), [(None, 20, True), (30, 20, True), (29, 20, False), (0, 0, False)]
)
def test_a_drain_must_fit_into_the_platforms_grace(grace: float | None, drain: float, starts: bool) -> None:
    given = {} if grace is None else {"RAILWAY_DEPLOYMENT_DRAINING_SECONDS": grace}
    found = Settings.model_validate({"CVA_DRAIN_SECONDS": drain, **given})
    if starts:
        check_grace(found)
        return
    with pytest.raises(RuntimeError, match="lower CVA_DRAIN_SECONDS"):
        check_grace(found)
