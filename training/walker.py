"""The quickest exact form of a model: its trees walked by a few lines of C (walker.c).

They are compiled when Headway is installed (hatch_build.py). Where that was not possible there is
no library, and models score with XGBoost's own.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable, Sequence
from functools import cache, partial
from math import nan
from pathlib import Path
from typing import ClassVar

from firm.workflow import Row
from training.trees import Trees

LIBRARY = Path(__file__).with_name("libwalker.so")


class _Model(ctypes.Structure):
    _fields_ = (
        ("nodes", ctypes.c_void_p),
        ("roots", ctypes.c_void_p),
        ("depths", ctypes.c_void_p),
        ("trees", ctypes.c_int64),
        ("base", ctypes.c_float),
    )


class Walker:
    """Scores rows with a model's trees. It may be shared between threads.

    Raises:
        OSError: the library was not compiled.
    """

    words: ClassVar[str] = "compiled walker"

    def __init__(self, trees: Trees) -> None:
        compiled = library()
        self._trees = trees  # its memory is read below
        self._model = _Model(
            trees.nodes.ctypes.data,
            trees.roots.ctypes.data,
            trees.depths.ctypes.data,
            len(trees.roots),
            trees.base,
        )
        model = ctypes.addressof(self._model)
        self._probabilities = partial(compiled.headway_probabilities, model)
        self._margins = partial(compiled.headway_margins, model)

    def predict(self, rows: Sequence[Row]) -> list[float]:
        """The probability of each row; None and NaN are missing values."""
        return _walk(self._probabilities, rows)

    def margins(self, rows: Sequence[Row]) -> list[float]:
        """The log-odds of each row, as `predict` takes them."""
        return _walk(self._margins, rows)


def _walk(walk: Callable[..., None], rows: Sequence[Row]) -> list[float]:
    values = array("d", [nan if value is None else value for row in rows for value in row])
    count = len(rows)
    walk(values.tobytes(), count, len(values) // count, found := (ctypes.c_float * count)())
    return list(found)


@cache
def library() -> ctypes.CDLL:
    """The compiled walker.

    Raises:
        OSError: it was not compiled.
    """
    found = ctypes.CDLL(str(LIBRARY))
    for name in ("headway_probabilities", "headway_margins"):
        function = getattr(found, name)
        function.restype = None
        function.argtypes = (
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_int64,
            ctypes.c_int64,
            ctypes.c_void_p,
        )
    return found
