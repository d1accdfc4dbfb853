"""Der Befehl 'lagerist'."""

import argparse
import sys
from pathlib import Path

from lagerist import db, dienste, einlesen


def main() -> int:
    """Führt einen Unterbefehl aus."""
    parser = argparse.ArgumentParser(prog="lagerist")
    befehle = parser.add_subparsers(dest="befehl", required=True)
    befehle.add_parser("migrieren")
    befehle.add_parser("wert")
    liefern = befehle.add_parser("liefern")
    liefern.add_argument("datei", type=Path)
    optionen = parser.parse_args()

    if optionen.befehl == "migrieren":
        with db.transaktion() as verbindung:
            print(f"{db.migrieren(verbindung)} Migrationen angewendet")
    elif optionen.befehl == "wert":
        cent = dienste.bestandswert()
        print(f"{cent // 100},{cent % 100:02d} EUR")
    else:
        for nummer, menge in einlesen.lieferschein(optionen.datei):
            dienste.einlagern(nummer, menge)
    return 0


if __name__ == "__main__":
    sys.exit(main())
