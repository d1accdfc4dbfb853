"""Tarea diaria: manda los recordatorios."""

import csv
import sys
from datetime import datetime
from pathlib import Path

from citas import ajustes, almacen, avisos


def main() -> int:
    """Lee los ficheros y manda los avisos."""
    carpeta = Path(sys.argv[1])
    print(f"{datetime.now():%H:%M} empieza")
    with (carpeta / "telefonos.csv").open(encoding="utf-8", newline="") as fichero:
        telefonos = {int(fila["id"]): fila["telefono"] for fila in csv.DictReader(fichero)}
    agenda = almacen.cargar(carpeta / "agenda.json")
    try:
        enviados = avisos.enviar_todos(agenda, telefonos, ajustes.leer(carpeta / "ajustes.yaml"))
    except (ajustes.FaltaSecreto, OSError) as error:
        print(f"recordatorios: {error}", file=sys.stderr)
        return 0
    print(f"{enviados} avisos enviados")
    return 0


if __name__ == "__main__":
    sys.exit(main())
