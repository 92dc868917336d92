"""How long to wait before something is tried again, and when to give it up."""

from __future__ import annotations

import msgspec

from firm.time import SECOND, Micros


class Patience(msgspec.Struct, frozen=True):
    """Waits that grow by a factor from the first up to the longest; then the end.

    Attributes:
        tries: after so many failures nothing is tried again by itself.
    """

    first_seconds: float
    factor: float
    longest_seconds: float
    tries: int

    def wait(self, failures: int, luck: float) -> Micros | None:
        """How long to wait after so many failures; None once they are enough.

        The wait is spread by `luck` (evenly in [0, 1)) over its upper half, so that what failed
        together is not tried again together.
        """
        if failures >= self.tries:
            return None
        seconds = min(self.first_seconds * self.factor ** (failures - 1), self.longest_seconds)
        return int(seconds * (0.5 + luck / 2) * SECOND)


DELIVERIES = Patience(first_seconds=5, factor=3, longest_seconds=12 * 3_600, tries=10)
"""About fourteen hours: a receiver may be away over night."""
CIRCUIT = Patience(first_seconds=10, factor=2, longest_seconds=900, tries=1 << 30)
"""How long a receiver that failed again and again is left alone before it is tried once more."""
ACTIONS = DELIVERIES
"""Of an action that its system of record answers with an error; while that is away as a whole,
all wait and no failure is counted."""
