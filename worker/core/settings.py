"""Environment variables become one frozen value, read once at start-up.

Every variable of the product is a field here; the README's table of settings is checked against it by a test.
"""

import os
import re  # noqa: TID251  own: a setting, by its operator
import tempfile
from functools import cached_property
from pathlib import Path
from typing import Annotated, Self

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

from worker.core.vocabulary import Depth, JudgeRole

DATABASE_URL_REQUIRED = "DATABASE_URL environment variable is required in production/Railway"


_HTTP = r"^https?://[^\s]+$"
_WEBHOOK_SECRET = re.compile(r"^whsec_[A-Za-z0-9+/]{32,88}={0,2}$")
Names = Annotated[tuple[str, ...], NoDecode]


class AnalyzerSetting(BaseModel):
    """One more analyzer that writes SARIF 2.1.0, to standard output or to the file named by `{output}`.

    `{files}` in the command is replaced by the matching paths, relative to the snapshot; without it the
    command runs once in the snapshot's root.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,31}$")
    command: tuple[str, ...] = Field(min_length=1)
    patterns: tuple[str, ...] = Field(min_length=1)


Share = Annotated[float, Field(ge=0, le=1)]


class PriceSetting(BaseModel):
    """What a model costs, in US dollars per million tokens. None: as any other input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cache_read: float | None = Field(None, ge=0, allow_inf_nan=False)
    cache_write: float | None = Field(None, ge=0, allow_inf_nan=False)


class Settings(BaseSettings):
    """What the environment says. Sizes in bytes, times in seconds, money in US dollars."""

    # By alias only: a field `home` that could be set by its own name would read the shell's HOME.
    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore")

    database_url: SecretStr | None = Field(None, alias="DATABASE_URL")
    direct_database: SecretStr | None = Field(
        None,
        alias="CVA_DATABASE_DIRECT_URL",
        description="the database itself, where DATABASE_URL is a pooler in transaction mode such as PgBouncer",
    )
    railway: str | None = Field(None, alias="RAILWAY_ENVIRONMENT", description="set by Railway itself")
    platform_grace: float | None = Field(
        None,
        alias="RAILWAY_DEPLOYMENT_DRAINING_SECONDS",
        ge=0,
        description="seconds that Railway waits after SIGTERM",
    )
    production: bool = Field(False, alias="CVA_PRODUCTION")
    host: str | None = Field(
        None, alias="HOST", description="default: every IPv4 and IPv6 address; without a token, loopback alone"
    )
    port: int = Field(8001, alias="PORT", ge=0, le=65535)

    api_token: SecretStr | None = Field(None, alias="CVA_API_TOKEN")
    admins: Names = Field((), alias="CVA_ADMINS", description="users who may do everything")
    apply_migrations: bool = Field(False, alias="CVA_APPLY_MIGRATIONS")
    monitor_worker: bool = Field(False, alias="CVA_MONITOR_WORKER")
    log_level: str = Field("INFO", alias="CVA_LOG_LEVEL", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_format: str | None = Field(None, alias="CVA_LOG_FORMAT", pattern="^(json|console)$")
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field((), alias="CVA_CORS_ORIGINS")
    callback_secret: SecretStr | None = Field(
        None,
        alias="CVA_CALLBACK_SECRET",
        description="whsec_…, signs callbacks; while it changes, the new one, a comma, the old one",
    )

    github_webhook_secret: SecretStr | None = Field(
        None, alias="CVA_GITHUB_WEBHOOK_SECRET", description="what GitHub signs its deliveries with"
    )
    github_app_id: int | None = Field(None, alias="CVA_GITHUB_APP_ID", ge=1)
    github_private_key: SecretStr | None = Field(
        None, alias="CVA_GITHUB_PRIVATE_KEY", description="the App's, as PEM; its line breaks may be written `\\n`"
    )
    github_api_url: str = Field(
        "https://api.github.com",
        alias="CVA_GITHUB_API_URL",
        pattern=_HTTP,
        description="of GitHub Enterprise: https://HOST/api/v3",
    )
    github_logins: bool = Field(
        False,
        alias="CVA_GITHUB_LOGINS",
        description="true: users are called as at GitHub, and are members of its repositories as there",
    )
    monitor_seconds: float = Field(
        300.0, alias="CVA_MONITOR_SECONDS", gt=0, description="how often forges are asked what no delivery told"
    )
    public_url: str | None = Field(
        None, alias="CVA_PUBLIC_URL", pattern=_HTTP, description="where people reach this: links lead there"
    )

    openai_api_key: SecretStr | None = Field(None, alias="OPENAI_API_KEY")
    anthropic_api_key: SecretStr | None = Field(None, alias="ANTHROPIC_API_KEY")
    google_api_key: SecretStr | None = Field(None, validation_alias=AliasChoices("GOOGLE_API_KEY", "GEMINI_API_KEY"))
    deepseek_api_key: SecretStr | None = Field(None, alias="DEEPSEEK_API_KEY")

    openai_base_url: str | None = Field(None, alias="OPENAI_BASE_URL", pattern=_HTTP)
    anthropic_base_url: str | None = Field(None, alias="ANTHROPIC_BASE_URL", pattern=_HTTP)
    gemini_base_url: str | None = Field(None, alias="GOOGLE_GEMINI_BASE_URL", pattern=_HTTP)
    deepseek_base_url: str | None = Field(None, alias="DEEPSEEK_BASE_URL", pattern=_HTTP)
    llm_base_url: str | None = Field(
        None, alias="CVA_LLM_BASE_URL", pattern=_HTTP, description="any OpenAI-compatible endpoint"
    )
    llm_api_key: SecretStr | None = Field(None, alias="CVA_LLM_API_KEY")
    llm_model: Names = Field((), alias="CVA_LLM_MODEL", description="model names at CVA_LLM_BASE_URL")

    architect_model: Names = Field((), alias="CVA_JUDGE_ARCHITECT_MODEL")
    security_model: Names = Field((), alias="CVA_JUDGE_SECURITY_MODEL")
    user_proxy_model: Names = Field((), alias="CVA_JUDGE_USER_PROXY_MODEL")
    extraction_model: Names = Field((), alias="CVA_EXTRACTION_MODEL")
    scout_model: Names = Field((), alias="CVA_SCOUT_MODEL", description="who reads everything; a cheap one")
    remediation_model: Names = Field((), alias="CVA_REMEDIATION_MODEL", description="who proposes fixes")
    llm_prices: dict[str, PriceSetting] = Field({}, alias="CVA_LLM_PRICES", description="a JSON object")
    llm_assumed_price: PriceSetting = Field(
        PriceSetting(input=10, output=50), alias="CVA_LLM_ASSUMED_PRICE", description="of a model without a known one"
    )
    llm_seconds: float = Field(180.0, alias="CVA_LLM_SECONDS", gt=0)
    llm_concurrency: int = Field(32, alias="CVA_LLM_CONCURRENCY", ge=1, le=10_000)
    llm_tokens_per_minute: int = Field(0, alias="CVA_LLM_TOKENS_PER_MINUTE", ge=0, description="0: no limit")
    llm_output_tokens: int = Field(8192, alias="CVA_LLM_OUTPUT_TOKENS", ge=256)
    llm_wait_seconds: float = Field(86_400.0, alias="CVA_LLM_WAIT_SECONDS", ge=0)
    context_tokens: int = Field(12_000, alias="CVA_CONTEXT_TOKENS", ge=500)
    scout_tokens: int = Field(16_000, alias="CVA_SCOUT_TOKENS", ge=500, description="what a scout reads at once")
    depth: Depth = Field(
        Depth.FULL,
        alias="CVA_DEPTH",
        description="full: scouts read every line; search: judges see what a search finds; unless it is all, no PASS",
    )
    calibration: dict[JudgeRole, tuple[tuple[Share, Share], ...]] = Field(
        {}, alias="CVA_CALIBRATION", description="a JSON object, as `invariant eval run --calibration` writes it"
    )
    criteria_per_call: int = Field(4, alias="CVA_CRITERIA_PER_CALL", ge=1, le=20)

    run_budget_usd: float = Field(5.0, alias="CVA_RUN_BUDGET_USD", ge=0, allow_inf_nan=False)
    daily_budget_usd: float = Field(100.0, alias="CVA_DAILY_BUDGET_USD", ge=0, allow_inf_nan=False)
    user_daily_budget_usd: float = Field(25.0, alias="CVA_USER_DAILY_BUDGET_USD", ge=0, allow_inf_nan=False)
    pass_score: int = Field(7, alias="CVA_PASS_SCORE", ge=1, le=10)
    veto_confidence: float = Field(0.8, alias="CVA_VETO_CONFIDENCE", ge=0, le=1)
    fail_fast: bool = Field(True, alias="CVA_FAIL_FAST")

    worker_port: int | None = Field(
        None, alias="CVA_WORKER_PORT", ge=0, le=65535, description="the worker's /health, /ready, /metrics"
    )
    worker_concurrency: int = Field(4, alias="CVA_WORKER_CONCURRENCY", ge=1, le=256)
    repo_concurrency: int = Field(
        0, alias="CVA_REPO_CONCURRENCY", ge=0, description="runs of one repository at once; 0: no limit"
    )
    max_attempts: int = Field(5, alias="CVA_MAX_ATTEMPTS", ge=1, le=100)
    lease_seconds: float = Field(30.0, alias="CVA_LEASE_SECONDS", gt=0)
    reap_seconds: float = Field(5.0, alias="CVA_REAP_SECONDS", gt=0)
    drain_seconds: float = Field(20.0, alias="CVA_DRAIN_SECONDS", ge=0)
    run_deadline_seconds: float = Field(1800.0, alias="CVA_RUN_DEADLINE_SECONDS", gt=0)
    analyzer_seconds: float = Field(180.0, alias="CVA_ANALYZER_SECONDS", gt=0)
    analyzer_memory_bytes: int = Field(2 << 30, alias="CVA_ANALYZER_MEMORY_BYTES", ge=64 << 20)
    analyzers: tuple[AnalyzerSetting, ...] = Field((), alias="CVA_ANALYZERS", description="a JSON list")
    git_seconds: float = Field(300.0, alias="CVA_GIT_SECONDS", gt=0)
    git_hosts: Annotated[tuple[str, ...], NoDecode] = Field(
        ("github.com", "gitlab.com", "bitbucket.org", "codeberg.org"), alias="CVA_GIT_HOSTS"
    )

    rollup_seconds: float = Field(
        60.0, alias="CVA_ROLLUP_SECONDS", gt=0, description="how often the analytics are brought up to date"
    )
    keep_jobs_days: float = Field(7.0, alias="CVA_KEEP_JOBS_DAYS", ge=0, description="failed jobs; 0: for ever")
    keep_events_days: float = Field(90.0, alias="CVA_KEEP_EVENTS_DAYS", ge=0, description="0: for ever")
    keep_uploads_days: float = Field(7.0, alias="CVA_KEEP_UPLOADS_DAYS", ge=0, description="0: for ever")
    keep_artifacts_days: float = Field(0.0, alias="CVA_KEEP_ARTIFACTS_DAYS", ge=0, description="0: for ever")
    keep_runs_days: float = Field(0.0, alias="CVA_KEEP_RUNS_DAYS", ge=0, description="0: for ever")
    keep_constitutions_days: float = Field(
        90.0, alias="CVA_KEEP_CONSTITUTIONS_DAYS", ge=0, description="of no repository and no run; 0: for ever"
    )
    keep_tokens_days: float = Field(
        30.0, alias="CVA_KEEP_TOKENS_DAYS", ge=0, description="after they expired or were revoked; 0: for ever"
    )

    remediation_stopped: bool = Field(
        False, alias="CVA_REMEDIATION_KILL_SWITCH", description="true: every remediation ends at its next step"
    )
    remediation_budget_usd: float = Field(
        2.0, alias="CVA_REMEDIATION_BUDGET_USD", ge=0, allow_inf_nan=False, description="on top of the run's"
    )
    remediation_iterations: int = Field(3, alias="CVA_REMEDIATION_ITERATIONS", ge=1, le=20)
    remediation_files: int = Field(10, alias="CVA_REMEDIATION_FILES", ge=1, description="that one fix may change")
    remediation_lines: int = Field(200, alias="CVA_REMEDIATION_LINES", ge=1, description="that one fix may change")
    remediation_forbidden: Names = Field(
        (), alias="CVA_REMEDIATION_FORBIDDEN_PATHS", description="patterns such as `vendor/**`, comma-separated"
    )
    remediation_fixes_per_hour: int = Field(
        50, alias="CVA_REMEDIATION_FIXES_PER_HOUR", ge=0, description="applied without a person; of one repository"
    )
    remediation_fixes_per_day: int = Field(200, alias="CVA_REMEDIATION_FIXES_PER_DAY", ge=0)
    remediation_lockout: int = Field(
        5, alias="CVA_REMEDIATION_LOCKOUT", ge=0, description="reverted within a day: a person decides; 0: never"
    )
    remediation_test_command: tuple[str, ...] = Field(
        (), alias="CVA_REMEDIATION_TEST_COMMAND", description="a JSON list: runs the repository's own tests, contained"
    )
    remediation_test_seconds: float = Field(300.0, alias="CVA_REMEDIATION_TEST_SECONDS", gt=0)

    contained_seconds: float = Field(
        300.0,
        alias="CVA_CONTAINED_SECONDS",
        gt=0,
        description="for each thing that a contained process does with a repository, its clone and its analysis apart",
    )
    contained_memory_bytes: int = Field(
        1 << 30, alias="CVA_CONTAINED_MEMORY_BYTES", ge=256 << 20, description="for each contained process"
    )
    max_body_bytes: int = Field(8 << 20, alias="CVA_MAX_BODY_BYTES", ge=1024)
    max_upload_bytes: int = Field(50 << 20, alias="CVA_MAX_UPLOAD_BYTES", ge=1024)
    max_snapshot_bytes: int = Field(256 << 20, alias="CVA_MAX_SNAPSHOT_BYTES", ge=1024)
    max_snapshot_files: int = Field(20_000, alias="CVA_MAX_SNAPSHOT_FILES", ge=1)
    max_file_bytes: int = Field(1 << 20, alias="CVA_MAX_FILE_BYTES", ge=1024)

    user_requests: int = Field(1200, alias="CVA_USER_REQUESTS_PER_MINUTE", ge=0, description="0: no limit")
    token_requests: int = Field(600, alias="CVA_TOKEN_REQUESTS_PER_MINUTE", ge=0, description="0: no limit")
    user_streams: int = Field(20, alias="CVA_USER_STREAMS", ge=0, description="open at once; 0: no limit")
    user_runs_waiting: int = Field(100, alias="CVA_USER_RUNS_WAITING", ge=0, description="0: no limit")
    user_upload_bytes: int = Field(1 << 30, alias="CVA_USER_UPLOAD_BYTES", ge=0, description="kept; 0: no limit")

    home: Path = Field(Path(".invariant"), alias="CVA_HOME", description="embedded Postgres, local reports")
    work_dir: Path | None = Field(None, alias="CVA_WORK_DIR", description="snapshots; default: temporary")
    backend_url: str | None = Field(None, alias="CVA_BACKEND_URL", description="for the command line")

    @field_validator("git_hosts", "cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator(
        "llm_model",
        "architect_model",
        "security_model",
        "user_proxy_model",
        "extraction_model",
        "remediation_model",
        "scout_model",
        "remediation_forbidden",
        "admins",
        mode="before",
    )
    @classmethod
    def _split_names(cls, value: object) -> object:
        """Names of models, the first choice first, or of users; they keep their case."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("callback_secret")
    @classmethod
    def _is_a_secret(cls, value: SecretStr | None) -> SecretStr | None:
        """The form that Standard Webhooks gives to a secret, or two of them with a comma between."""
        if value is not None and not all(map(_WEBHOOK_SECRET.match, value.get_secret_value().split(","))):
            raise ValueError("CVA_CALLBACK_SECRET must be whsec_ and the base64 of 24 to 64 random bytes")
        return value

    @model_validator(mode="after")
    def _app_needs_its_key(self) -> Self:
        if (self.github_app_id is None) != (self.github_private_key is None):
            raise ValueError("CVA_GITHUB_APP_ID and CVA_GITHUB_PRIVATE_KEY are set together")
        return self

    @field_validator("calibration")
    @classmethod
    def _in_order(
        cls, curves: dict[JudgeRole, tuple[tuple[float, float], ...]]
    ) -> dict[JudgeRole, tuple[tuple[float, float], ...]]:
        for role, curve in curves.items():
            said = [point[0] for point in curve]
            if said != sorted(set(said)):
                raise ValueError(f"the points of {role.value} must come in order, each confidence once")
        return curves

    @model_validator(mode="after")
    def _endpoint_needs_a_model(self) -> Self:
        if self.llm_base_url and not self.llm_model:
            raise ValueError("CVA_LLM_BASE_URL needs CVA_LLM_MODEL, the name of a model at that endpoint")
        return self

    @model_validator(mode="after")
    def _production_needs(self) -> Self:
        if self.deployed and self.database_url is None:
            raise RuntimeError(DATABASE_URL_REQUIRED)
        return self

    @property
    def deployed(self) -> bool:
        """Not a developer's machine: strangers may reach it, and every check of production holds."""
        return self.production or bool(self.railway)

    @property
    def github_web_url(self) -> str:
        """Where the repositories of the API at CVA_GITHUB_API_URL are: https://github.com, or GitHub Enterprise's."""
        url = self.github_api_url.rstrip("/")
        # github.com's, and those of GitHub Enterprise Cloud with data residency: https://api.SUBDOMAIN.ghe.com.
        if url.startswith("https://api.") and not url.endswith("/api/v3"):
            return url.replace("https://api.", "https://", 1)
        return url.removesuffix("/api/v3")

    @property
    def direct_database_url(self) -> str | None:
        """None where DATABASE_URL is the database itself."""
        return None if self.direct_database is None else self.direct_database.get_secret_value()

    @property
    def open_to_all(self) -> bool:
        """Whoever reaches the api may do everything: a developer's own machine, and nobody else may reach it."""
        return not self.deployed and self.api_token is None

    @property
    def provider_variables(self) -> tuple[str, ...]:
        """Names of the variables that would give the tribunal a provider."""
        return ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "DEEPSEEK_API_KEY", "CVA_LLM_BASE_URL")

    @property
    def has_provider(self) -> bool:
        """A key of a provider, or an endpoint of one's own."""
        keys = (self.openai_api_key, self.anthropic_api_key, self.google_api_key, self.deepseek_api_key)
        return any(keys) or self.llm_base_url is not None

    @property
    def json_logs(self) -> bool:
        return self.log_format == "json" or (self.log_format is None and self.deployed)

    @cached_property
    def snapshots_dir(self) -> Path:
        """Where snapshots are made; each attempt has a folder of its own that is removed afterwards."""
        return self.work_dir or Path(tempfile.gettempdir()) / f"invariant-work-{os.getuid()}"

    def contained(self) -> "Settings":
        """What a process may know that reads what strangers wrote: limits and tools, no key and no address."""
        return Settings.model_construct(**{name: getattr(self, name) for name in _CONTAINED})

    def secrets(self) -> tuple[str, ...]:
        """The secret values, for masking."""
        whole = [v.get_secret_value() for v in self.__dict__.values() if isinstance(v, SecretStr)]
        found = [part for value in whole for part in {value, *value.split(",")}]
        return tuple(value for value in found if len(value) >= 6)


_CONTAINED = (
    "production", "railway", "git_seconds", "git_hosts", "max_snapshot_files", "max_snapshot_bytes", "max_file_bytes",
    "analyzers", "analyzer_seconds", "analyzer_memory_bytes", "context_tokens", "criteria_per_call", "pass_score",
    "depth", "scout_tokens",
)  # fmt: skip


def load() -> Settings:
    """Read the environment.

    Raises RuntimeError with one sentence that names the variable and what is wrong with it.
    """
    try:
        return Settings()
    except SettingsError as error:
        raise RuntimeError(f"Settings are not valid: {error}") from None
    except ValidationError as error:
        parts = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)]
        raise RuntimeError("Settings are not valid: " + "; ".join(parts)) from None
