"""What admins change while the desk runs, and the counters that must never repeat."""

from __future__ import annotations

from sqlalchemy import JSON, String
from sqlalchemy.orm import Mapped, mapped_column

from helpdesk.database import Base


class Setting(Base):
    """One value by name; defaults live in `services/settings.py`."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[object] = mapped_column(JSON)


class Counter(Base):
    """A number handed out by UPDATE ... RETURNING, so that no two callers get the same one."""

    __tablename__ = "counter"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[int]
