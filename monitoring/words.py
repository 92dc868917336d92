"""Figures as both pages print them, so that no two places round differently."""

from __future__ import annotations

from decimal import Decimal

from monitoring.rates import Rate

_FULL_WIDTH = str.maketrans({"<": "\uff1c", ">": "\uff1e"})


def harmless(text: str) -> str:
    """A text that may stand in Evidently's page.

    Evidently writes values into a script block as they are: one that holds `</script>` would end
    the block, and what follows it would run in the reader's browser.
    """
    return text.translate(_FULL_WIDTH)


def percent(share: float | None) -> str:
    """`0.2727` as `27.3%`; a dash where there is no figure."""
    return "–" if share is None else f"{share:.1%}"  # noqa: RUF001 - a dash, as in any table


def number(value: float | None) -> str:
    """A count as it is, another figure with three digits after the point."""
    if value is None:
        return percent(None)
    return str(value) if isinstance(value, int) else f"{value:.3f}"


def money(amount: Decimal | None, currency: str | None) -> str:
    """`1,250,000 USD`; empty where there is no amount."""
    return "" if amount is None else f"{amount:,.0f} {currency}"


def days(count: float | None) -> str:
    """`1,250 days`; empty where none are counted."""
    return "" if count is None else f"{count:,.0f} days"


def between(found: Rate | None) -> str:
    """`60.0% (48.1% to 70.8%)`; a dash where there is no figure."""
    if found is None:
        return percent(None)
    return f"{percent(found.share)} ({percent(found.low)} to {percent(found.high)})"


def share_of(part: int, whole: int) -> str:
    """`3 of 8 (37.5%)`."""
    return f"{part} of {whole} ({percent(part / whole if whole else None)})"
