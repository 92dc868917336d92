"""Money is a Decimal with its currency; amounts of two currencies never meet."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
LARGEST_AMOUNT = Decimal(10) ** 13


class Money(BaseModel):
    """An amount in one currency (ISO 4217). Refuses NaN, infinity and more than 10**13."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    amount: Annotated[Decimal, Field(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT, allow_inf_nan=False)]
    currency: Currency
