"""Environment variables become one frozen value, read once at start-up."""

from functools import cached_property
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError

SECRET_CHARACTERS = 32
LOOPBACK = ("127.0.0.1", "localhost", "::1")
_MOST_SESSION_SECONDS = 30 * 86400
_HTTP = r"^https?://[^\s]+$"


class Settings(BaseSettings):
    """What the environment says. Times in seconds."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True, extra="ignore", hide_input_in_errors=True)

    host: str | None = Field(None, alias="HOST")
    port: int = Field(3000, alias="PORT", ge=0, le=65535)
    production: bool = Field(False, alias="CVA_PRODUCTION")
    railway: str | None = Field(None, alias="RAILWAY_ENVIRONMENT", description="set by Railway itself")
    log_level: str = Field("INFO", alias="CVA_LOG_LEVEL", pattern="^(DEBUG|INFO|WARNING|ERROR)$")
    log_format: str | None = Field(None, alias="CVA_LOG_FORMAT", pattern="^(json|console)$")

    backend_url: str = Field(
        "http://127.0.0.1:8001", alias="CVA_BACKEND_URL", pattern=_HTTP, description="the api's, the private one"
    )
    api_token: SecretStr | None = Field(None, alias="CVA_API_TOKEN", description="the api's service token")
    api_seconds: float = Field(30.0, alias="CVA_UI_API_SECONDS", gt=0, description="how long its answer may stay away")
    public_api_url: str | None = Field(
        None, alias="CVA_PUBLIC_API_URL", pattern=_HTTP, description="where editors and CI reach the api"
    )
    public_url: str | None = Field(
        None,
        validation_alias=AliasChoices("CVA_PUBLIC_URL", "NEXTAUTH_URL"),
        pattern=_HTTP,
        description="where people reach the pages",
    )
    secret: SecretStr | None = Field(
        None,
        validation_alias=AliasChoices("CVA_UI_SECRET", "NEXTAUTH_SECRET"),
        description="what sessions are sealed with; while it changes, the new one, a comma, the old one",
    )
    session_seconds: int = Field(12 * 3600, alias="CVA_UI_SESSION_SECONDS", ge=60, le=_MOST_SESSION_SECONDS)
    allowed: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        alias="CVA_UI_ALLOW",
        description="who may log in: logins at GitHub, addresses, `@domain`, `org:NAME` of GitHub, `*`",
    )

    github_id: str | None = Field(None, validation_alias=AliasChoices("GITHUB_CLIENT_ID", "GITHUB_ID"))
    github_secret: SecretStr | None = Field(
        None, validation_alias=AliasChoices("GITHUB_CLIENT_SECRET", "GITHUB_SECRET")
    )
    github_api_url: str = Field("https://api.github.com", alias="CVA_GITHUB_API_URL", pattern=_HTTP)
    google_id: str | None = Field(None, alias="GOOGLE_CLIENT_ID")
    google_secret: SecretStr | None = Field(None, alias="GOOGLE_CLIENT_SECRET")
    oidc_issuer: str | None = Field(None, alias="CVA_OIDC_ISSUER", pattern=_HTTP)
    oidc_id: str | None = Field(None, alias="CVA_OIDC_CLIENT_ID")
    oidc_secret: SecretStr | None = Field(None, alias="CVA_OIDC_CLIENT_SECRET")
    oidc_name: str = Field("single sign-on", alias="CVA_OIDC_NAME", description="what its button says")

    max_upload_bytes: int = Field(50 << 20, alias="CVA_MAX_UPLOAD_BYTES", ge=1024)

    @field_validator("allowed", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        """Case counts for none of them."""
        if isinstance(value, str):
            return tuple(part.strip().lower() for part in value.split(",") if part.strip())
        return value

    @field_validator("backend_url", "public_url", "public_api_url")
    @classmethod
    def _without_slash(cls, value: str | None) -> str | None:
        return None if value is None else value.rstrip("/")

    @model_validator(mode="after")
    def _production_needs(self) -> Self:
        """What would be a hole, or a page that works for nobody."""
        for names, identifier, secret in (
            ("GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET", self.github_id, self.github_secret),
            ("GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET", self.google_id, self.google_secret),
            ("CVA_OIDC_ISSUER and CVA_OIDC_CLIENT_ID", self.oidc_issuer, self.oidc_id),
            ("CVA_OIDC_CLIENT_ID and CVA_OIDC_CLIENT_SECRET", self.oidc_id, self.oidc_secret),
        ):
            if (identifier is None) != (secret is None):
                raise RuntimeError(f"{names} are set together.")
        if not self.deployed:
            if self.host is not None and self.host not in LOOPBACK:
                raise RuntimeError(
                    f"HOST={self.host} lets others reach pages on which anybody is anybody: set CVA_PRODUCTION=true "
                    "and what it asks for, or leave HOST out."
                )
            return self
        if self.api_token is None:
            raise RuntimeError("CVA_API_TOKEN environment variable is required in production: the api's.")
        if self.public_url is None:
            raise RuntimeError("CVA_PUBLIC_URL (or NEXTAUTH_URL) is required in production: where people reach the ui.")
        if not self.is_secure and (urlsplit(self.public_url).hostname or "") not in LOOPBACK:
            raise RuntimeError("CVA_PUBLIC_URL must begin with https:// in production: sessions travel over it.")
        if self.secret is None or any(len(key) < SECRET_CHARACTERS for key in self.secrets):
            raise RuntimeError(
                f"CVA_UI_SECRET (or NEXTAUTH_SECRET) must have at least {SECRET_CHARACTERS} characters in production. "
                "Make one with: openssl rand -hex 32"
            )
        if self.github_id is None and self.google_id is None and self.oidc_id is None:
            raise RuntimeError(
                "Nobody can log in: set GITHUB_CLIENT_ID and GITHUB_CLIENT_SECRET, GOOGLE_CLIENT_ID and "
                "GOOGLE_CLIENT_SECRET, or CVA_OIDC_ISSUER, CVA_OIDC_CLIENT_ID and CVA_OIDC_CLIENT_SECRET."
            )
        if not self.allowed:
            raise RuntimeError(
                "Nobody may log in: name them in CVA_UI_ALLOW (logins at GitHub, addresses, @domain, org:NAME; * for "
                "everybody)."
            )
        return self

    @property
    def deployed(self) -> bool:
        """Not a developer's machine."""
        return self.production or bool(self.railway)

    @property
    def is_secure(self) -> bool:
        """Whether people reach the pages over https."""
        return self.public_url is not None and self.public_url.startswith("https://")

    @property
    def secrets(self) -> tuple[str, ...]:
        """What sessions are sealed with, the present one first. Empty: one that is made at the start."""
        return () if self.secret is None else tuple(key.strip() for key in self.secret.get_secret_value().split(","))

    @property
    def json_logs(self) -> bool:
        return self.log_format == "json" or (self.log_format is None and self.deployed)

    @cached_property
    def github_web_url(self) -> str:
        """Where people log in: https://github.com, or GitHub Enterprise's."""
        url = self.github_api_url.rstrip("/")
        if url.startswith("https://api.") and not url.endswith("/api/v3"):
            return url.replace("https://api.", "https://", 1)
        return url.removesuffix("/api/v3")

    @property
    def editor_url(self) -> str:
        """The api's address as an editor or CI is to know it."""
        return self.public_api_url or self.backend_url

    @property
    def origin(self) -> str | None:
        """Scheme and host of the pages; None on a developer's machine: whatever they were asked by."""
        return None if self.public_url is None else origin(self.public_url)


_PORTS = {"http": 80, "https": 443}


def origin(url: str) -> str | None:
    """Scheme, host and port as a browser writes them (RFC 6454); None for what is no address."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host or parts.scheme not in _PORTS:
        return None
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}" + ("" if port in (None, _PORTS[parts.scheme]) else f":{port}")


def load() -> Settings:
    """The settings. Raises RuntimeError with one sentence for a variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        raise RuntimeError(f"{'/'.join(map(str, first['loc']))}: {first['msg']}") from None
    except SettingsError as error:
        raise RuntimeError(str(error)) from None
