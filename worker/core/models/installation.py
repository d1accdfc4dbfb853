"""What belongs to this installation and to no other, such as its secrets."""

from sqlalchemy.orm import Mapped, mapped_column

from worker.core.models.base import Base


class Installation(Base):
    """One value under a name, made on first use and never changed."""

    __tablename__ = "installation"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
