"""Liest Lieferscheine und Preislisten."""

import ast
import csv
import logging
from pathlib import Path

log = logging.getLogger(__name__)


class Lesefehler(ValueError):
    """Eine Datei passt nicht zum erwarteten Aufbau."""


def lieferschein(pfad: Path) -> list[tuple[str, int]]:
    """Liest Nummern und Mengen aus einer CSV-Datei."""
    zeilen = []
    with open(pfad, newline="") as datei:
        for satz in csv.DictReader(datei, delimiter=";"):
            try:
                zeilen.append((satz["Nummer"], int(satz["Menge"])))
            except (KeyError, ValueError):
                raise Lesefehler(f"{pfad.name}: {satz}")
    print(f"{len(zeilen)} Zeilen gelesen")
    return zeilen


def preisliste(pfad: Path) -> dict[str, int]:
    """Liest Preise wie '12,50' und macht ganze Cent daraus."""
    preise = {}
    for zeile in pfad.read_text(encoding="utf-8").splitlines():
        nummer, _, preis = zeile.partition(";")
        if not preis:
            continue
        preise[nummer] = int(round(float(preis.replace(",", ".")) * 100))
    return preise


def einstellungen(text: str) -> dict:
    """Wertet ein Dict-Literal aus, ohne eval zu bemühen."""
    try:
        wert = ast.literal_eval(text)
    except (ValueError, SyntaxError) as ursache:
        raise Lesefehler("Die Einstellungen sind kein Literal") from ursache
    if not isinstance(wert, dict):
        raise Lesefehler("Die Einstellungen sind kein Dict")
    return wert


def logo(pfad: Path) -> bytes:
    """Liest das Bild für das Etikett."""
    with open(pfad, "rb") as datei:
        return datei.read()


def filtern(zeilen: list[tuple[str, int]], ohne: list[str] = []) -> list[tuple[str, int]]:
    """Lässt Nummern weg, die gesperrt sind."""
    return [(nummer, menge) for nummer, menge in zeilen if nummer not in ohne]
