"""A registered model as it serves: one `model.ubj`, checked before a byte of it is parsed."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from math import exp
from pathlib import Path

from firm.errors import ModelRefused
from firm.explanation import Contributions
from firm.workflow import Row
from training.form import as_floats, quickest_form
from training.libxgboost import Booster
from training.offset import ATTRIBUTE, Offset


class FileScorer:
    """Scores with the model of a file (`firm.ports.Scorer`).

    No pickle is ever read: XGBoost parses UBJSON, and only bytes of the registered digest reach it.

    Raises:
        ModelRefused: the file is missing, has another size or digest than was registered, is no
            XGBoost model in UBJSON, or was fitted on other features.
    """

    def __init__(
        self, path: Path, sha256: str, size: int, names: tuple[str, ...], version: str
    ) -> None:
        self._version = version
        booster = Booster(checked_bytes(path, sha256, size))
        found = booster.feature_names()
        if found != names:
            raise ModelRefused(
                f"{path} was fitted on {list(found)}, the declaration has {list(names)}; train a "
                "new version or go back to the declaration of that version"
            )
        self._booster = booster
        self._width = len(names)
        self._form = quickest_form(booster, len(names), version)
        self._offset = _offset(booster, names, version)

    @property
    def version(self) -> str:
        """The registered version, as decisions name it."""
        return self._version

    @property
    def form(self) -> str:
        """What scores, in words."""
        return self._form.words

    def predict(self, rows: Sequence[Row]) -> list[float]:
        """One probability for each row; None is a missing value."""
        self._check(rows)
        if not rows:
            return []
        if self._offset is None:
            return self._form.predict(rows)
        return self._deviate(self._offset, rows)

    def contributions(self, rows: Sequence[Row]) -> list[Contributions]:
        """What each feature adds to each row's log-odds, by exact TreeSHAP.

        With an offset, the trees start from the rate of one feature's value: that feature adds by
        how much the rate differs from that of all training rows, which is part of the base.
        """
        self._check(rows)
        if not rows:
            return []
        offset = self._offset
        seen = rows if offset is None else [offset.hide_in(row) for row in rows]
        found = [Contributions(v[-1], tuple(v[:-1])) for v in self._explained(seen)]
        if offset is None:
            return found
        return [offset.contribute(one, row) for one, row in zip(found, rows, strict=True)]

    def _explained(self, rows: Sequence[Row]) -> list[list[float]]:
        return self._booster.contributions(as_floats(rows))

    def _check(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if len(row) != self._width:
                raise ModelRefused(
                    f"model {self._version} takes rows of {self._width} features; got one of "
                    f"{len(row)}"
                )

    def _deviate(self, offset: Offset, rows: Sequence[Row]) -> list[float]:
        margins = self._form.margins([offset.hide_in(row) for row in rows])
        return [
            1 / (1 + exp(-offset.deviated(row, margin)))
            for margin, row in zip(margins, rows, strict=True)
        ]


def _offset(booster: Booster, names: tuple[str, ...], version: str) -> Offset | None:
    text = booster.attribute(ATTRIBUTE)
    if text is None:
        return None
    try:
        return Offset.from_json(text, names)
    except (ValueError, KeyError, TypeError) as error:
        raise ModelRefused(
            f"model {version} has an offset that is none of its features' ({error}); train it again"
        ) from error


def checked_bytes(path: Path, sha256: str, size: int) -> bytes:
    """The bytes of a model file. Raises ModelRefused if they are not those that were registered."""
    try:
        found = path.stat().st_size
        if found != size:
            raise ModelRefused(
                f"{path} has {found:,} bytes, {size:,} were registered: it was cut off or "
                "replaced; restore it from the registry"
            )
        content = path.read_bytes()
    except OSError as error:
        raise ModelRefused(f"{path} cannot be read ({error.strerror}); restore it") from error
    digest = hashlib.sha256(content).hexdigest()
    if not hmac.compare_digest(digest, sha256):
        raise ModelRefused(
            f"{path} has SHA-256 {digest}, {sha256} was registered: the file was changed; restore "
            "it from the registry and find out who changed it"
        )
    if not content.startswith(b"{"):
        raise ModelRefused(
            f"{path} is no UBJSON (it starts with {content[:4]!r}); only XGBoost's "
            "`model.ubj` is ever loaded"
        )
    return content
