"""Pruebas del dominio."""

from datetime import datetime, timedelta, timezone

import pytest

from citas.dominio import Agenda, Cita, Estado, FueraDeHorario, Solapada

DIEZ = datetime(2025, 3, 3, 10, 0, tzinfo=timezone.utc)


def test_no_se_solapan() -> None:
    agenda = Agenda()
    agenda.reservar(Cita("a", 1, "Dra. Ruiz", DIEZ))
    with pytest.raises(Solapada):
        agenda.reservar(Cita("b", 2, "Dra. Ruiz", DIEZ + timedelta(minutes=10)))
    agenda.reservar(Cita("c", 2, "Dr. Gil", DIEZ))


def test_cancelar_no_borra() -> None:
    agenda = Agenda()
    agenda.reservar(Cita("a", 1, "Dra. Ruiz", DIEZ))
    agenda.cancelar("a")
    assert agenda.citas["a"].estado is Estado.CANCELADA
    assert agenda.del_dia(DIEZ) == []


def test_de_noche_no_hay_citas() -> None:
    with pytest.raises(FueraDeHorario):
        Agenda().reservar(Cita("a", 1, "Dra. Ruiz", DIEZ.replace(hour=22)))
