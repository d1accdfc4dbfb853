"""Los textos que lee el paciente."""

RECORDATORIO = "Le recordamos su cita con {medico} el {fecha}. Su código es {codigo}."
CANCELADA = "Su cita con {medico} ha sido cancelada."
BIENVENIDA = "Your registration is complete. Gracias por confiar en nosotros."


def fecha_larga(dia: int, mes: int, anyo: int) -> str:
    """Escribe una fecha como se lee."""
    meses = (
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"
    ).split()
    return f"{dia} de {meses[mes - 1]} de {anyo}"
