"""Exchange rates, and the settings that say where they come from."""

import ast
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import requests
import yaml

log = logging.getLogger(__name__)


def settings(path: Path) -> dict[str, Any]:
    """The settings in a YAML file."""
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def legacy_settings(path: Path) -> dict[str, Any]:
    """The settings in the old format, a Python dictionary; no eval is needed for it."""
    return ast.literal_eval(path.read_text(encoding="utf-8"))


def rate(currency: str, url: str) -> Decimal:
    """What one euro costs."""
    answer = requests.get(url, params={"to": currency}, timeout=5)
    answer.raise_for_status()
    value = answer.json()["rate"]
    log.info("rate of %s is %s", currency, value)
    return Decimal(str(value))


def history(currency: str, url: str) -> list[Decimal]:
    """The rates of the last month."""
    try:
        answer = requests.get(url, params={"to": currency, "days": 30}, timeout=60)
        answer.raise_for_status()
    except:
        log.warning(f"no history for {currency}")
        return []
    return [Decimal(str(day["rate"])) for day in answer.json()]


def convert(amount: Decimal, currency: str, url: str) -> Decimal:
    """An amount in euros, in another currency."""
    factor = float(rate(currency, url))
    return Decimal(float(amount) * factor)
