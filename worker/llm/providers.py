"""Which models may be asked, and in which order: names from the settings, defaults for the keys that are set."""

import re  # noqa: TID251  own: names of models, which the operator chooses
from collections.abc import Sequence
from dataclasses import dataclass

from worker.core.settings import Settings
from worker.core.vocabulary import JudgeRole

OPENAI, ANTHROPIC, GEMINI, DEEPSEEK = "openai", "anthropic", "gemini", "deepseek"
COMPATIBLE = "compatible"
EXTRACTION, REMEDIATION, SCOUT = "extraction", "remediation", "scout"

# One strong model each; whoever wants others names them in the settings.
_DEFAULTS = {
    OPENAI: "gpt-5.1",
    ANTHROPIC: "claude-sonnet-4-6",
    GEMINI: "gemini/gemini-2.5-pro",
    DEEPSEEK: "deepseek/deepseek-v4-pro",
}
# Scouts read everything, and decide nothing: the cheapest that follows instructions well.
_CHEAP = {
    OPENAI: "gpt-5-mini",
    ANTHROPIC: "claude-haiku-4-5",
    GEMINI: "gemini/gemini-2.5-flash-lite",
    DEEPSEEK: "deepseek/deepseek-v4-flash",
}
# Each judge begins with another provider, so that a panel is of several families where several keys are set.
_ORDER = {
    JudgeRole.ARCHITECT.value: (OPENAI, GEMINI, ANTHROPIC, DEEPSEEK),
    JudgeRole.SECURITY.value: (ANTHROPIC, OPENAI, GEMINI, DEEPSEEK),
    JudgeRole.USER_PROXY.value: (GEMINI, ANTHROPIC, OPENAI, DEEPSEEK),
    EXTRACTION: (OPENAI, ANTHROPIC, GEMINI, DEEPSEEK),
    REMEDIATION: (ANTHROPIC, OPENAI, GEMINI, DEEPSEEK),
    # By what reading costs.
    SCOUT: (GEMINI, OPENAI, DEEPSEEK, ANTHROPIC),
}
ROLES = tuple(_ORDER)
_BY_PREFIX = (
    (re.compile(r"^(?:gpt|o\d|chatgpt)", re.IGNORECASE), OPENAI),
    (re.compile(r"^claude", re.IGNORECASE), ANTHROPIC),
    (re.compile(r"^gemini", re.IGNORECASE), GEMINI),
    (re.compile(r"^deepseek", re.IGNORECASE), DEEPSEEK),
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
        OPENAI: settings.openai_api_key,
        ANTHROPIC: settings.anthropic_api_key,
        GEMINI: settings.google_api_key,
        DEEPSEEK: settings.deepseek_api_key,
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
    return Model(name, provider, name if "/" in name else f"{provider}/{name}", _base_url(provider, settings))


def _base_url(provider: str, settings: Settings) -> str | None:
    """Where the provider is asked; None: where the library knows it to be."""
    if provider == GEMINI and settings.gemini_base_url:
        return f"{settings.gemini_base_url.rstrip('/')}/v1beta"
    found = {
        OPENAI: settings.openai_base_url,
        ANTHROPIC: settings.anthropic_base_url,
        # The library would ask its `/beta`, whose features are others.
        DEEPSEEK: settings.deepseek_base_url or "https://api.deepseek.com",
    }
    return found.get(provider)


def _named(role: str, settings: Settings) -> tuple[str, ...]:
    return {
        JudgeRole.ARCHITECT.value: settings.architect_model,
        JudgeRole.SECURITY.value: settings.security_model,
        JudgeRole.USER_PROXY.value: settings.user_proxy_model,
        EXTRACTION: settings.extraction_model,
        REMEDIATION: settings.remediation_model,
        SCOUT: settings.scout_model,
    }[role]


def chain(role: str, settings: Settings) -> tuple[Model, ...]:
    """The models that may answer for `role`, the first choice first; empty without any provider.

    Named models come alone; without names, those at one's own endpoint, each judge beginning with another,
    and then one of each provider whose key is set.
    """
    names: Sequence[str] = _named(role, settings)
    if not names:
        own = settings.llm_model if settings.llm_base_url else ()
        if role == SCOUT:
            known = settings.llm_prices
            own = tuple(sorted(own, key=lambda name: known[name].input if name in known else 0.0))
        turn = ROLES.index(role) % len(own) if own and role != SCOUT else 0
        keys = _keys(settings)
        defaults = _CHEAP if role == SCOUT else _DEFAULTS
        names = (*own[turn:], *own[:turn], *(defaults[provider] for provider in _ORDER[role] if keys[provider]))
    return tuple(model for model in (resolve(name, settings) for name in names) if model is not None)


def check(settings: Settings) -> None:
    """Raises RuntimeError when a role's models are named and none of them can be asked."""
    if not settings.has_provider:
        return
    for role in ROLES:
        if not chain(role, settings):
            own = role in (EXTRACTION, REMEDIATION, SCOUT)
            variable = f"CVA_{role.upper()}_MODEL" if own else f"CVA_JUDGE_{role.upper()}_MODEL"
            names = ", ".join(_named(role, settings))
            raise RuntimeError(f"{variable} names {names}, but the key of no such provider is set.")
