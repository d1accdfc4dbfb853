"""Ajustes de la clínica."""

import os
from pathlib import Path

import yaml


class FaltaSecreto(RuntimeError):
    """No está la variable de entorno que guarda un secreto."""


def secreto(nombre: str) -> str:
    """Lee un secreto del entorno."""
    valor = os.environ.get(f"CITAS_{nombre.upper()}")
    if not valor:
        raise FaltaSecreto(nombre)
    return valor


def leer(ruta: Path) -> dict[str, str]:
    """Lee los ajustes de un fichero YAML."""
    with ruta.open(encoding="utf-8") as fichero:
        datos = yaml.load(fichero, Loader=yaml.SafeLoader)
    return {str(clave): str(valor) for clave, valor in (datos or {}).items()}


def reintentos(ajustes: dict[str, str]) -> int:
    """Cuántas veces se intenta un recordatorio; nunca más de tres."""
    return min(int(ajustes.get("reintentos", "3")), 3)


def reglas(ajustes: dict[str, str]) -> bool:
    """Dice si hoy se envían recordatorios, según la expresión de los ajustes."""
    # No es un eval(): la expresión solo puede ser "siempre", "nunca" o un día.
    expresion = ajustes.get("enviar", "siempre")
    return expresion != "nunca"
