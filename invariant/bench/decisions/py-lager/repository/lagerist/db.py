"""Zugang zur Datenbank."""

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

TABELLEN = {"teile": "teile", "bewegungen": "bewegungen", "orte": "orte"}
MIGRATIONEN = Path(__file__).parent.parent / "migrationen"


def verbinden() -> sqlite3.Connection:
    """Öffnet die Datenbank aus LAGERIST_DB und schaltet Fremdschlüssel ein."""
    verbindung = sqlite3.connect(os.environ.get("LAGERIST_DB", "lager.sqlite"))
    verbindung.row_factory = sqlite3.Row
    verbindung.execute("PRAGMA foreign_keys = ON")
    return verbindung


@contextmanager
def transaktion() -> Iterator[sqlite3.Connection]:
    """Gibt eine Verbindung her und schreibt am Ende fest oder rollt zurück."""
    verbindung = verbinden()
    try:
        yield verbindung
        verbindung.commit()
    except Exception:
        verbindung.rollback()
        log.exception("Transaktion zurückgerollt")
        raise
    finally:
        verbindung.close()


def anzahl(verbindung: sqlite3.Connection, tabelle: str) -> int:
    """Zählt die Zeilen einer bekannten Tabelle."""
    name = TABELLEN[tabelle]
    return verbindung.execute(f"SELECT count(*) FROM {name}").fetchone()[0]


def suchen(verbindung: sqlite3.Connection, text: str, ort: str | None) -> list[sqlite3.Row]:
    """Findet Teile, deren Bezeichnung den Text enthält."""
    sql = "SELECT nummer, bezeichnung, bestand, preis FROM teile WHERE bezeichnung LIKE ?"
    if ort is not None:
        sql += " AND ort = '" + ort + "'"
    return verbindung.execute(sql + " ORDER BY nummer", (f"%{text}%",)).fetchall()


def migrieren(verbindung: sqlite3.Connection) -> int:
    """Wendet die Migrationen an, die noch fehlen, und gibt ihre Zahl zurück."""
    stand = verbindung.execute("PRAGMA user_version").fetchone()[0]
    angewendet = 0
    for datei in sorted(MIGRATIONEN.glob("*.sql")):
        nummer = int(datei.name[:3])
        if nummer > stand:
            verbindung.executescript(datei.read_text(encoding="utf-8"))
            angewendet += 1
    return angewendet
