"""What a call costs, by prices from the settings, else the library's map, else assumed. One's own endpoint is free."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal
from urllib.parse import urlsplit

from worker.core.settings import PriceSetting, Settings
from worker.llm import client
from worker.llm.client import Usage
from worker.llm.providers import COMPATIBLE, Model

_FREE = PriceSetting(input=0, output=0)


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens. `known`: from the settings or the map, not assumed."""

    input: Decimal
    output: Decimal
    cache_read: Decimal
    cache_write: Decimal
    known: bool

    def most(self, prompt: int, completion: int) -> Decimal:
        """What so many tokens cost at most: writing a prompt to the cache may be dearer than reading it."""
        return _dollars(prompt * max(self.input, self.cache_write) + completion * self.output)

    def cost(self, usage: Usage) -> Decimal:
        fresh = usage.prompt - usage.cached - usage.written
        prompt = fresh * self.input + usage.cached * self.cache_read + usage.written * self.cache_write
        return _dollars(prompt + usage.completion * self.output)


def of(model: Model, settings: Settings) -> Price:
    """The model's price. A price of zero is known only when it was set, or at an endpoint of one's own."""
    given = _set(model, settings)
    if given is not None:
        return _price(given, known=True)
    if model.provider == COMPATIBLE:
        return _price(_FREE, known=True)
    entry = client.entry(model)
    dollars = {name: (entry.get(f"{name}_cost_per_token") or 0) * 1e6 for name in ("input", "output")}
    if not dollars["input"] or not dollars["output"]:
        return _price(settings.llm_assumed_price, known=False)
    cached = {
        name: (entry.get(f"cache_{word}_input_token_cost") or 0) * 1e6 or None
        for name, word in (("cache_read", "read"), ("cache_write", "creation"))
    }
    return _price(PriceSetting(**dollars, **cached), known=True)


def notes(models: Iterable[Model], settings: Settings) -> tuple[str, ...]:
    """What a reader of the costs should know: which prices are assumed, and which endpoint is counted as free."""
    given = list(models)
    made = []
    free = {_address(m.base_url) for m in given if m.provider == COMPATIBLE and _set(m, settings) is None}
    for address in sorted(free):
        made.append(f"The endpoint at {address} is counted as free (CVA_LLM_PRICES sets a price).")
    unknown = sorted({model.name for model in given if not of(model, settings).known})
    if unknown:
        price = settings.llm_assumed_price
        made.append(
            f"The price of {', '.join(unknown)} is not known; it is counted as ${price.input:g} and ${price.output:g} "
            "per million tokens (CVA_LLM_PRICES sets it)."
        )
    return tuple(made)


def _set(model: Model, settings: Settings) -> PriceSetting | None:
    prices = settings.llm_prices
    return prices.get(model.name) or prices.get(model.litellm_name)


def _price(given: PriceSetting, *, known: bool) -> Price:
    full = _decimal(given.input)
    read, write = (full if price is None else _decimal(price) for price in (given.cache_read, given.cache_write))
    return Price(full, _decimal(given.output), read, write, known)


def _address(url: str | None) -> str:
    """Host and port: the rest of a URL may hold a key."""
    parts = urlsplit(url or "")
    return (parts.hostname or "") + (f":{parts.port}" if parts.port else "")


def _decimal(value: float) -> Decimal:
    return Decimal(str(round(value, 9)))


def _dollars(per_million: Decimal) -> Decimal:
    return (per_million / 1_000_000).quantize(Decimal("0.000001"), rounding=ROUND_UP)
