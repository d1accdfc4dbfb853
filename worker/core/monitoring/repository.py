"""What a connected repository wishes: its settings, as they stand in its row."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from worker.core.vocabulary import CallbackFormat, Depth

# The rest of what makes a URL callable depends on the deployment, and is checked where the settings are known.
HTTP_URL = r"^https?://[A-Za-z0-9.-]+(:(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5]?[0-9]{1,4}))?(/[^\x00-\x20\x7f]*)?$"
CONSTITUTIONS = (".tribunal/constitution.md", ".specify/memory/constitution.md")
"""Where a repository's constitution is looked for, the first one found counts."""

_Path = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.][A-Za-z0-9_./ -]*$", max_length=512)]


class Notice(BaseModel):
    """Somebody who is told how each run and remediation of the repository ends."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    url: Annotated[str, StringConstraints(pattern=HTTP_URL, max_length=2048)]
    format: CallbackFormat = Field(CallbackFormat.JSON, description="`slack`: for Slack's incoming webhooks")


class RepositorySettings(BaseModel):
    """How a repository's commits are verified, and who is told. What newer code added is left aside."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    pull_requests: bool = Field(True, description="verify pull requests: what they change since their merge base")
    follow_constitution: bool = Field(
        True,
        description="take the constitution that the commit itself has, of a pull request the one it is merged into;"
        " where there is none, the repository's newest",
    )
    constitution_path: _Path | None = Field(None, description=f"default: the first of {', '.join(CONSTITUTIONS)}")
    cancel_superseded: bool = Field(False, description="a newer commit also cancels a run at work on an older one")
    remediate: bool = Field(False, description="begin a remediation where a run fails")
    comment: bool = Field(False, description="one comment at each pull request, updated with each run")
    sarif: bool = Field(False, description="upload the findings to GitHub's code scanning")
    public_badge: bool = Field(False, description="show the default branch's verdict to everybody")
    run_budget_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="for one run; CVA_RUN_BUDGET_USD is the most in any case"
    )
    depth: Depth | None = Field(None, description="default: CVA_DEPTH")
    notify: Annotated[tuple[Notice, ...], Field(max_length=5)] = ()

    def allowance(self, most: float) -> float:
        """What a run may spend beyond `most`, its budget anywhere, in US dollars: nothing, or less than nothing."""
        return 0.0 if self.run_budget_usd is None else min(0.0, self.run_budget_usd - most)

    @property
    def constitution_paths(self) -> tuple[str, ...]:
        return CONSTITUTIONS if self.constitution_path is None else (self.constitution_path,)
