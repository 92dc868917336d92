"""The declared groups as a table on the page in plain words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from monitoring.parts import LEAST, Lost, Part
from monitoring.words import between, days, money

MOST_SHOWN = 12
"""Groups of a kind among what was found; the end of the page has all."""


@dataclass(frozen=True)
class Kind:
    """All groups of one kind.

    Attributes:
        rows: of each group its name and its figures, as the page prints them.
        left_out: what is not shown, and why; empty if everything is.
        all_columns, all_rows: the same of every group, with all that was counted of it.
    """

    by: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left_out: str
    all_columns: tuple[str, ...]
    all_rows: tuple[tuple[str, ...], ...]


def grouped(parts: Sequence[Part]) -> tuple[Kind, ...]:
    """The groups of each kind, the largest first; small ones are named as too few to judge."""
    kinds = dict.fromkeys(part.by for part in parts)
    return tuple(_kind(by, [part for part in parts if part.by == by]) for by in kinds)


def _kind(by: str, parts: Sequence[Part]) -> Kind:
    large = [part for part in parts if not part.too_few]
    small = [part for part in parts if part.too_few]
    staked = any(part.lost for part in parts)
    columns = ("judged", "false alerts", "missed", "of its alerts were right", "of cases found")
    said = []
    if small:
        names = ", ".join(f"{part.name} ({part.judged})" for part in small[:MOST_SHOWN])
        others = f" and {len(small) - MOST_SHOWN} others" if len(small) > MOST_SHOWN else ""
        said.append(f"Fewer than {LEAST} judged cases, too few to tell: {names}{others}.")
    if len(large) > MOST_SHOWN:
        said.append(f"{len(large) - MOST_SHOWN} smaller groups stand at the end.")
    return Kind(
        by=by.replace("_", " "),
        columns=(*columns, *(("behind false alerts", "behind missed") if staked else ())),
        rows=tuple(_row(part) for part in large[:MOST_SHOWN]),
        left_out=" ".join(said),
        all_columns=(
            *("judged", "alerts", "false alerts", "missed", "precision", "recall"),
            *(("behind false alerts", "behind missed", "unknown") if staked else ()),
        ),
        all_rows=tuple(_whole_row(part) for part in parts),
    )


def _row(part: Part) -> tuple[str, ...]:
    cells = (
        part.name,
        str(part.judged),
        str(part.false_positives),
        str(part.false_negatives),
        between(part.precision),
        between(part.recall),
    )
    return cells if part.lost is None else (*cells, *_behind(part.lost))


def _whole_row(part: Part) -> tuple[str, ...]:
    counts = (part.judged, part.alerts, part.false_positives, part.false_negatives)
    cells = (part.name, *map(str, counts), between(part.precision), between(part.recall))
    return cells if part.lost is None else (*cells, *_behind(part.lost), str(part.lost.unknown))


def _behind(lost: Lost) -> Iterator[str]:
    """What hung on false alerts, and on missed cases."""
    for amount, count in (
        (lost.money_false, lost.days_false),
        (lost.money_missed, lost.days_missed),
    ):
        yield ", ".join(filter(None, (money(amount, lost.currency), days(count))))
