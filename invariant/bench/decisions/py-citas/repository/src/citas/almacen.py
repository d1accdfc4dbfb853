"""Guarda la agenda en un fichero JSON."""

import json
import logging
from datetime import datetime
from pathlib import Path

from citas.dominio import Agenda, Cita, Estado

log = logging.getLogger(__name__)


def guardar(agenda: Agenda, ruta: Path) -> None:
    """Escribe todas las citas, también las canceladas."""
    filas = [
        {
            "id": cita.id,
            "paciente": cita.paciente_id,
            "medico": cita.medico,
            "inicio": cita.inicio.isoformat(),
            "estado": cita.estado.value,
        }
        for cita in agenda.citas.values()
    ]
    ruta.write_text(json.dumps(filas, ensure_ascii=False, indent=2), encoding="utf-8")


def cargar(ruta: Path) -> Agenda:
    """Lee la agenda; si no hay fichero, empieza una vacía."""
    agenda = Agenda()
    if not ruta.exists():
        return agenda
    for fila in json.loads(ruta.read_text(encoding="utf-8")):
        inicio = datetime.fromisoformat(fila["inicio"])
        assert inicio.tzinfo is not None, "la hora guardada no tiene zona"
        cita = Cita(fila["id"], fila["paciente"], fila["medico"], inicio, Estado(fila["estado"]))
        agenda.citas[cita.id] = cita
    log.info("%d citas cargadas", len(agenda.citas))
    return agenda


def borrar_copia(ruta: Path) -> None:
    """Quita la copia anterior si está."""
    try:
        ruta.with_suffix(".bak").unlink()
    except Exception:
        pass
