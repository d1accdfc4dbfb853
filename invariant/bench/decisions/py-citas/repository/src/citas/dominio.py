"""Las reglas de las citas."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum

DURACION = timedelta(minutes=20)


class ErrorDeCitas(Exception):
    """La base de los errores del dominio."""


class Solapada(ErrorDeCitas):
    """El médico ya tiene una cita a esa hora."""


class FueraDeHorario(ValueError):
    """La consulta está cerrada a esa hora."""


class Estado(Enum):
    """En qué punto está una cita."""

    PENDIENTE = "pendiente"
    CONFIRMADA = "confirmada"
    CANCELADA = "cancelada"


@dataclass(frozen=True)
class Cita:
    """Una cita de un paciente con un médico."""

    id: str
    paciente_id: int
    medico: str
    inicio: datetime
    estado: Estado = Estado.PENDIENTE

    @property
    def fin(self) -> datetime:
        """Cuándo acaba la cita."""
        return self.inicio + DURACION


@dataclass
class Agenda:
    """Las citas de todos los médicos."""

    citas: dict[str, Cita] = field(default_factory=dict)

    def reservar(self, cita: Cita) -> None:
        """Apunta una cita si el médico está libre."""
        if not 8 <= cita.inicio.hour < 20:
            raise FueraDeHorario(cita.id)
        for otra in self.citas.values():
            if otra.medico != cita.medico or otra.estado is Estado.CANCELADA:
                continue
            if otra.inicio < cita.fin and cita.inicio < otra.fin:
                raise Solapada(cita.id)
        self.citas[cita.id] = cita

    def cancelar(self, cita_id: str) -> None:
        """Marca la cita como cancelada y deja libre la hora."""
        self.citas[cita_id] = replace(self.citas[cita_id], estado=Estado.CANCELADA)

    def del_dia(self, dia: datetime) -> list[Cita]:
        """Las citas vivas de un día, por hora."""
        vivas = [c for c in self.citas.values() if c.estado is not Estado.CANCELADA]
        return sorted((c for c in vivas if c.inicio.date() == dia.date()), key=lambda c: c.inicio)
