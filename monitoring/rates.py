"""A share with the range in which the true one lies."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

CONFIDENCE_Z = 1.959963984540054
"""Of the standard normal distribution, for 95 %."""


@dataclass(frozen=True)
class Rate:
    """A share of `n` and its 95 % interval.

    Attributes:
        n: of how many; for weighted shares the number of equal weights that say as much.
    """

    share: float
    low: float
    high: float
    n: float


def rate(part: float, whole: float) -> Rate | None:
    """`part` of `whole` with Wilson's score interval; None where the whole is nothing.

    Wilson (1927), "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22.
    It stays within 0 and 1, and holds for small numbers and shares near the ends.
    """
    if whole <= 0:
        return None
    share, z2 = part / whole, CONFIDENCE_Z * CONFIDENCE_Z
    middle = (share + z2 / (2 * whole)) / (1 + z2 / whole)
    reach = sqrt(share * (1 - share) / whole + z2 / (4 * whole * whole)) * CONFIDENCE_Z
    reach /= 1 + z2 / whole
    return Rate(share, max(middle - reach, 0.0), min(middle + reach, 1.0), whole)
