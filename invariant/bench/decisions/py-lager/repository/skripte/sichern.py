"""Sichert die Datenbank auf den Rechner im Büro."""

import os
import subprocess
import sys


def hochladen(datei: str, ziel: str, benutzer: str, schluessel: str, rate: int, versuche: int) -> int:
    for _ in range(versuche):
        befehl = ["scp", "-i", schluessel, "-l", str(rate), datei, f"{benutzer}@{ziel}:sicherung/"]
        ergebnis = subprocess.run(befehl, check=False)
        if ergebnis.returncode == 0:
            return 0
    return 1


if __name__ == "__main__":
    print("Sicherung beginnt")
    sys.exit(
        hochladen(
            os.environ["LAGERIST_DB"],
            os.environ["SICHERUNG_ZIEL"],
            os.environ["SICHERUNG_BENUTZER"],
            os.environ["SICHERUNG_SCHLUESSEL"],
            rate=8000,
            versuche=3,
        )
    )
