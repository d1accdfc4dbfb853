"""Which models may be asked, and in which order: names from the settings, defaults for the keys that are set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from worker.core.settings import Settings
from worker.core.vocabulary import JudgeRole

COMPATIBLE = "compatible"
EXTRACTION = "extraction"

# One strong model each; whoever wants others names them in the settings.
_DEFAULTS = {
    "openai": "gpt-5.1",
    "anthropic": "claude-sonnet-4-6",
    "gemini": "gemini/gemini-2.5-pro",
    "deepseek": "deepseek/deepseek-chat",
}
# Each judge begins with another provider, so that a panel is of several families where several keys are set.
_ORDER = {
    JudgeRole.ARCHITECT.value: ("openai", "gemini", "anthropic", "deepseek"),
    JudgeRole.SECURITY.value: ("anthropic", "openai", "gemini", "deepseek"),
    JudgeRole.USER_PROXY.value: ("gemini", "anthropic", "openai", "deepseek"),
    EXTRACTION: ("openai", "anthropic", "gemini", "deepseek"),
}
ROLES = tuple(_ORDER)
_BY_PREFIX = (
    (re.compile(r"^(?:gpt|o\d|chatgpt)", re.IGNORECASE), "openai"),
    (re.compile(r"^claude", re.IGNORECASE), "anthropic"),
    (re.compile(r"^gemini", re.IGNORECASE), "gemini"),
    (re.compile(r"^deepseek", re.IGNORECASE), "deepseek"),
)


@dataclass(frozen=True)
class Model:
    """`name` as people write it, `litellm_name` as the library wants it; `base_url` None is the provider's own."""

    name: str
    provider: str
    litellm_name: str
    base_url: str | None = None

    @property
    def family(self) -> str:
        """Models of one family are likely to be wrong in the same way."""
        bare = self.name.rsplit("/", 1)[-1].lower()
        for pattern, provider in _BY_PREFIX:
            if pattern.match(bare):
                return provider
        return re.split(r"[-_.:\d]", bare, maxsplit=1)[0] or bare


def _provider_of(name: str) -> str | None:
    if "/" in name:
        return name.split("/", 1)[0].lower()
    return next((provider for pattern, provider in _BY_PREFIX if pattern.match(name)), None)


def _keys(settings: Settings) -> dict[str, str | None]:
    found = {
        "openai": settings.openai_api_key,
        "anthropic": settings.anthropic_api_key,
        "gemini": settings.google_api_key,
        "deepseek": settings.deepseek_api_key,
        COMPATIBLE: settings.llm_api_key,
    }
    return {provider: key.get_secret_value() if key else None for provider, key in found.items()}


def key_of(model: Model, settings: Settings) -> str | None:
    """The key for the model's provider. An endpoint of one's own may need none."""
    return _keys(settings).get(model.provider) or ("none" if model.provider == COMPATIBLE else None)


def resolve(name: str, settings: Settings) -> Model | None:
    """The model of that name, or None when its provider has no key here."""
    if settings.llm_base_url and (name in settings.llm_model or _provider_of(name) in (None, COMPATIBLE)):
        bare = name.removeprefix(f"{COMPATIBLE}/")
        return Model(name, COMPATIBLE, f"openai/{bare}", settings.llm_base_url)
    provider = _provider_of(name)
    if provider is None or not _keys(settings).get(provider):
        return None
    base = {"openai": settings.openai_base_url, "anthropic": settings.anthropic_base_url}.get(provider)
    return Model(name, provider, name if "/" in name else f"{provider}/{name}", base)


def _named(role: str, settings: Settings) -> tuple[str, ...]:
    return {
        JudgeRole.ARCHITECT.value: settings.architect_model,
        JudgeRole.SECURITY.value: settings.security_model,
        JudgeRole.USER_PROXY.value: settings.user_proxy_model,
        EXTRACTION: settings.extraction_model,
    }[role]


def chain(role: str, settings: Settings) -> tuple[Model, ...]:
    """The models that may answer for `role`, the first choice first; empty without any provider.

    Named models come alone; without names, those at one's own endpoint, each judge beginning with another,
    and then one of each provider whose key is set.
    """
    names: Sequence[str] = _named(role, settings)
    if not names:
        own = settings.llm_model if settings.llm_base_url else ()
        turn = ROLES.index(role) % len(own) if own else 0
        keys = _keys(settings)
        names = (*own[turn:], *own[:turn], *(_DEFAULTS[provider] for provider in _ORDER[role] if keys[provider]))
    return tuple(model for model in (resolve(name, settings) for name in names) if model is not None)


def check(settings: Settings) -> None:
    """Raises RuntimeError when a role's models are named and none of them can be asked."""
    if not settings.has_provider:
        return
    for role in ROLES:
        if not chain(role, settings):
            variable = "CVA_EXTRACTION_MODEL" if role == EXTRACTION else f"CVA_JUDGE_{role.upper()}_MODEL"
            names = ", ".join(_named(role, settings))
            raise RuntimeError(f"{variable} names {names}, but the key of no such provider is set.")
