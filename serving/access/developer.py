"""No login at all, for a developer alone on their own machine."""

from __future__ import annotations

from firm.access import ROLES, Caller
from firm.time import Micros

NAME = "developer without login"


class Developer:
    """Whoever calls may do everything; `headway.login` refuses it on any but a loopback address."""

    def __init__(self) -> None:
        self._everyone = Caller(NAME, ROLES)

    def caller(self, authorization: str | None, at: Micros, _address: str = "") -> Caller:
        """Everybody is the developer."""
        return self._everyone

    def require(self, *_asked: object) -> None:
        """Everything is allowed."""
