"""The clock, read at the edge alone."""

from __future__ import annotations

import time

from firm.time import Micros


def now() -> Micros:
    """Now, in whole microseconds since 1970."""
    return time.time_ns() // 1_000
