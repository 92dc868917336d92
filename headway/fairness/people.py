"""Protected attributes from a CSV file: `candidate` and one column for each attribute."""

from __future__ import annotations

import csv
from pathlib import Path

from firm.errors import HeadwayError
from firm.fairness import Fairness

CANDIDATE = "candidate"
MOST_SAID = 5


class WrongPeople(HeadwayError):
    """A file of attributes that cannot be taken in; nothing of it is."""

    kind = "wrong-people"


def read_people(file: Path, declared: Fairness) -> dict[str, dict[str, str]]:
    """The attributes of each candidate; an empty cell is not on record.

    Raises:
        WrongPeople: a column is missing or not declared, a candidate comes twice, or a value is
            none of the declared ones; it is said by line, never by value.
    """
    allowed = {one.name: set(one.values) for one in declared.attributes}
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.DictReader(lines)
        columns = set(reader.fieldnames or ())
        if columns != {CANDIDATE, *allowed}:
            raise WrongPeople(
                f"{file} has the columns {sorted(columns)}, it takes "
                f"{[CANDIDATE, *allowed]}: one for each declared attribute, and no other"
            )
        rows = [(reader.line_num, row) for row in reader]
    found: dict[str, dict[str, str]] = {}
    wrong: list[str] = []
    for line, row in rows:
        values = {name: (row[name] or "").strip() for name in allowed}
        key = (row[CANDIDATE] or "").strip()
        if not key or key in found:
            wrong.append(f"line {line}: the candidate is missing, or comes twice")
        wrong += [
            f"line {line}: {name} is none of {sorted(allowed[name])}"
            for name, value in values.items()
            if value and value not in allowed[name]
        ]
        found[key] = {name: value for name, value in values.items() if value}
    if wrong:
        raise WrongPeople(f"{file}: {len(wrong)} mistakes: {'; '.join(wrong[:MOST_SAID])}")
    return found
