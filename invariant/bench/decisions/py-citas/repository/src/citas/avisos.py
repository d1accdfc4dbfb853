"""Recordatorios por SMS."""

import logging
import random
import secrets
from datetime import datetime, timezone
from typing import Any

import requests

from citas import ajustes, mensajes
from citas.dominio import Agenda, Cita

log = logging.getLogger(__name__)
PASARELA = "https://sms.example.org/v1/messages"
CAMPO_PASSWORD = "password"
ALFABETO = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def codigo_de_cita() -> str:
    """El código con el que el paciente confirma su cita."""
    return "".join(random.choice(ALFABETO) for _ in range(6))


def ficha() -> str:
    """Identifica un envío ante la pasarela."""
    return secrets.token_urlsafe(16)


def texto(cita: Cita, codigo: str) -> str:
    """El texto del recordatorio."""
    fecha = mensajes.fecha_larga(cita.inicio.day, cita.inicio.month, cita.inicio.year)
    return mensajes.RECORDATORIO.format(medico=cita.medico, fecha=fecha, codigo=codigo)


def enviar(telefono: str, cuerpo: str, intentos: int = 3) -> bool:
    """Manda un SMS y lo intenta de nuevo si la pasarela falla."""
    datos = {"to": telefono, "text": cuerpo, CAMPO_PASSWORD: ajustes.secreto("pasarela")}
    for intento in range(1, intentos + 1):
        try:
            respuesta = requests.post(
                PASARELA,
                json=datos,
                timeout=5,
                headers={"Idempotency-Key": ficha()},
            )
        except requests.RequestException as error:
            log.warning("Intento %d fallido: %s", intento, type(error).__name__)
            continue
        if respuesta.ok:
            return True
        log.warning(f"Pasarela responde {respuesta.status_code}")
    log.error("Sin respuesta para el teléfono %s", telefono)
    return False


def saldo() -> int:
    """Cuántos SMS quedan en la pasarela."""
    respuesta = requests.get(PASARELA + "/credit", timeout=30)
    return int(respuesta.json()["credit"])


def enviar_todos(agenda: Agenda, telefonos: dict[int, str], opciones: dict[str, str]) -> int:
    """Manda los recordatorios del día y dice cuántos han salido."""
    if not ajustes.reglas(opciones):
        return 0
    hoy = datetime.now(timezone.utc)
    enviados = 0
    for cita in agenda.del_dia(hoy):
        telefono = telefonos.get(cita.paciente_id)
        if telefono is None:
            log.info("Sin teléfono: paciente %d", cita.paciente_id)
            continue
        if enviar(telefono, texto(cita, codigo_de_cita()), ajustes.reintentos(opciones)):
            enviados += 1
    return enviados


def resumen(datos: dict[str, Any]):
    """Una línea para el panel."""
    # total = sum(datos.values())
    # return f"{total} avisos"
    return ", ".join(f"{clave}: {valor}" for clave, valor in datos.items())
