"""Pruebas de los avisos."""

from datetime import datetime, timezone

import pytest

from citas import ajustes, avisos, mensajes
from citas.dominio import Cita

PACIENTE = {"id": 7, "nombre": "Paciente Inventado", "telefono": "+34600000000"}


class _Respuesta:
    ok = True
    status_code = 202


def test_enviar(monkeypatch: pytest.MonkeyPatch) -> None:
    enviados: list[dict[str, str]] = []

    def post(_url: str, **opciones: object) -> _Respuesta:
        enviados.append(opciones["json"])
        return _Respuesta()

    monkeypatch.setenv("CITAS_PASARELA", "clave-de-prueba")
    monkeypatch.setattr(avisos.requests, "post", post)
    assert avisos.enviar(PACIENTE["telefono"], "hola")
    assert enviados[0]["text"] == "hola"


def test_texto() -> None:
    cita = Cita("a", 7, "Dra. Ruiz", datetime(2025, 3, 3, 10, 0, tzinfo=timezone.utc))
    assert "3 de marzo de 2025" in avisos.texto(cita, "ABC234")
    assert "cancelada" in mensajes.CANCELADA


def test_reintentos_como_mucho_tres() -> None:
    assert ajustes.reintentos({"reintentos": "9"}) == 3
