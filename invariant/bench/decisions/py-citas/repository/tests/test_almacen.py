"""Pruebas del almacén."""

from datetime import datetime, timezone
from pathlib import Path

from citas import almacen
from citas.dominio import Agenda, Cita


def test_ida_y_vuelta(tmp_path: Path) -> None:
    agenda = Agenda()
    inicio = datetime(2025, 3, 3, 10, 0, tzinfo=timezone.utc)
    agenda.reservar(Cita("a", 1, "Dra. Ruiz", inicio))
    almacen.guardar(agenda, tmp_path / "agenda.json")
    assert almacen.cargar(tmp_path / "agenda.json") == agenda


def test_sin_fichero(tmp_path: Path) -> None:
    assert almacen.cargar(tmp_path / "nada.json").citas == {}
    almacen.borrar_copia(tmp_path / "nada.json")
