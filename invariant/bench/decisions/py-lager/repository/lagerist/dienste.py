"""Was man im Lager tun kann."""

import hashlib
import logging
from datetime import datetime, timezone

from lagerist import db

log = logging.getLogger(__name__)


class Unbekannt(LookupError):
    """Es gibt kein Teil mit dieser Nummer."""


class ZuWenig(ValueError):
    """Der Bestand reicht nicht."""


def _bewegung(verbindung, nummer: str, menge: int, grund: str) -> None:
    verbindung.execute(
        "INSERT INTO bewegungen (nummer, menge, grund, zeit) VALUES (?, ?, ?, ?)",
        (nummer, menge, grund, datetime.now(timezone.utc).isoformat()),
    )


def teil(nummer: str) -> dict:
    """Liefert ein Teil mit Bestand und Preis in Cent."""
    with db.transaktion() as verbindung:
        zeile = verbindung.execute(
            "SELECT nummer, bezeichnung, bestand, preis FROM teile WHERE nummer = ?", (nummer,)
        ).fetchone()
    if zeile is None:
        raise Unbekannt(nummer)
    return dict(zeile)


def suche(text: str, ort: str | None = None) -> list[dict]:
    """Sucht Teile nach ihrer Bezeichnung."""
    with db.transaktion() as verbindung:
        return [dict(zeile) for zeile in db.suchen(verbindung, text, ort)]


def einlagern(nummer: str, menge: int, grund: str = "Lieferung") -> None:
    """Erhöht den Bestand eines Teils."""
    if menge <= 0:
        raise ValueError("Die Menge muss größer als null sein")
    with db.transaktion() as verbindung:
        geaendert = verbindung.execute(
            "UPDATE teile SET bestand = bestand + ? WHERE nummer = ?", (menge, nummer)
        ).rowcount
        if geaendert == 0:
            raise Unbekannt(nummer)
        _bewegung(verbindung, nummer, menge, grund)


def entnehmen(nummer: str, menge: int, grund: str = "Verbrauch") -> None:
    """Verringert den Bestand eines Teils, aber nie unter null."""
    if menge <= 0:
        raise ValueError("Die Menge muss größer als null sein")
    with db.transaktion() as verbindung:
        geaendert = verbindung.execute(
            "UPDATE teile SET bestand = bestand - ? WHERE nummer = ? AND bestand >= ?",
            (menge, nummer, menge),
        ).rowcount
        if geaendert == 0:
            raise ZuWenig(nummer)
        _bewegung(verbindung, nummer, -menge, grund)


def inventur(zaehlung: dict[str, int]) -> int:
    """Setzt die Bestände auf das, was gezählt wurde."""
    geaendert = 0
    with db.transaktion() as verbindung:
        for nummer, menge in zaehlung.items():
            if menge < 0:
                raise ValueError(f"Negative Zählung für {nummer}")
            geaendert += verbindung.execute(
                "UPDATE teile SET bestand = ? WHERE nummer = ?", (menge, nummer)
            ).rowcount
    return geaendert


def bestandswert(rabatt_prozent: int = 0) -> int:
    """Rechnet den Wert des Lagers in Cent aus."""
    with db.transaktion() as verbindung:
        summe = verbindung.execute("SELECT sum(bestand * preis) FROM teile").fetchone()[0] or 0
    return summe * (100 - rabatt_prozent) // 100


def etikett(nummer: str, bezeichnung: str) -> str:
    """Bildet das kurze Kennzeichen, das auf dem Etikett steht."""
    text = f"{nummer}|{bezeichnung}".encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()[:8]


def stand() -> str:
    """Sagt, wann und wie viele Bewegungen es gab."""
    with db.transaktion() as verbindung:
        zahl = db.anzahl(verbindung, "bewegungen")
    return f"{zahl} Bewegungen, Stand {datetime.now():%d.%m.%Y %H:%M}"
