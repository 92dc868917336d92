"""XGBoost's documented C API by ctypes, as much of it as scoring needs.

Importing the package `xgboost` pulls in pandas, scikit-learn and scipy: 220 MB and seconds that a
service that only scores should not pay. The library is the same file, so the scores are the same.
C API: https://xgboost.readthedocs.io/en/stable/dev/group__c__api.html
"""

from __future__ import annotations

import ctypes
import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from firm.errors import ModelRefused

if TYPE_CHECKING:  # importing numpy takes longer than trying a model out (training.tryout)
    import numpy as np
    from numpy.typing import NDArray


def _wanted(kind: int) -> bytes:
    return json.dumps(
        {
            "type": kind,
            "training": False,
            "iteration_begin": 0,
            "iteration_end": 0,
            "missing": float("nan"),
            "strict_shape": False,
            "cache_id": 0,
        }
    ).encode()


PROBABILITIES, MARGINS, CONTRIBUTIONS = _wanted(0), _wanted(1), _wanted(2)
DENSE = b'{"missing": NaN, "nthread": 1}'


class Booster:
    """A model loaded from the bytes of a `model.ubj`; it scores with one thread.

    Raises:
        ModelRefused: the bytes are no XGBoost model.
    """

    def __init__(self, model: bytes) -> None:
        self._library = _library()
        self._handle = ctypes.c_void_p()
        self._call("XGBoosterCreate", None, ctypes.c_uint64(0), ctypes.byref(self._handle))
        self._call("XGBoosterLoadModelFromBuffer", self._handle, model, ctypes.c_uint64(len(model)))
        self._call("XGBoosterSetParam", self._handle, b"nthread", b"1")

    def __del__(self) -> None:
        if self._handle:
            self._library.XGBoosterFree(self._handle)

    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns that the model was fitted on; empty if it has none."""
        count = ctypes.c_uint64()
        texts = ctypes.POINTER(ctypes.c_char_p)()
        self._call(
            "XGBoosterGetStrFeatureInfo",
            self._handle,
            b"feature_name",
            ctypes.byref(count),
            ctypes.byref(texts),
        )
        return tuple((texts[i] or b"").decode() for i in range(count.value))

    def attribute(self, name: str) -> str | None:
        """What the model file says under this name; None where it says nothing."""
        text, found = ctypes.c_char_p(), ctypes.c_int()
        self._call(
            "XGBoosterGetAttr", self._handle, name.encode(), ctypes.byref(text), ctypes.byref(found)
        )
        return text.value.decode() if found.value and text.value is not None else None

    def to_json(self) -> bytes:
        """The whole model in XGBoost's JSON."""
        size, text = ctypes.c_uint64(), ctypes.c_void_p()
        self._call(
            "XGBoosterSaveModelToBuffer",
            self._handle,
            b'{"format":"json"}',
            ctypes.byref(size),
            ctypes.byref(text),
        )
        return ctypes.string_at(text.value or 0, size.value)

    def predict(self, features: NDArray[np.float32]) -> list[float]:
        """The probability of each row of a C-contiguous (n, columns) matrix; NaN is missing."""
        return self._predict(features, PROBABILITIES)

    def margins(self, features: NDArray[np.float32]) -> list[float]:
        """The log-odds of each row, as `predict` takes them."""
        return self._predict(features, MARGINS)

    def _predict(self, features: NDArray[np.float32], wanted: bytes) -> list[float]:
        rows, columns = features.shape
        return self.predict_at(features.ctypes.data, rows, columns, wanted)

    def predict_at(self, address: int, rows: int, columns: int, wanted: bytes) -> list[float]:
        """The score of each row of a matrix of 32-bit numbers that lies at an address."""
        array = _array(address, rows, columns)
        shape = ctypes.POINTER(ctypes.c_uint64)()
        dimensions = ctypes.c_uint64()
        result = ctypes.POINTER(ctypes.c_float)()
        self._call(
            "XGBoosterPredictFromDense",
            self._handle,
            array,
            wanted,
            None,
            ctypes.byref(shape),
            ctypes.byref(dimensions),
            ctypes.byref(result),
        )
        return result[:rows]

    def contributions(self, features: NDArray[np.float32]) -> list[list[float]]:
        """Exact TreeSHAP values of each row, in log-odds: one for each column, and last the bias.
        They add up to the row's margin."""
        rows, columns = features.shape
        matrix = ctypes.c_void_p()
        array = _array(features.ctypes.data, rows, columns)
        self._call("XGDMatrixCreateFromDense", array, DENSE, ctypes.byref(matrix))
        try:
            found = self._contributions(matrix, rows * (columns + 1))
        finally:
            self._library.XGDMatrixFree(matrix)
        return [found[n : n + columns + 1] for n in range(0, len(found), columns + 1)]

    def _contributions(self, matrix: ctypes.c_void_p, size: int) -> list[float]:
        shape = ctypes.POINTER(ctypes.c_uint64)()
        dimensions = ctypes.c_uint64()
        result = ctypes.POINTER(ctypes.c_float)()
        self._call(
            "XGBoosterPredictFromDMatrix",
            self._handle,
            matrix,
            CONTRIBUTIONS,
            ctypes.byref(shape),
            ctypes.byref(dimensions),
            ctypes.byref(result),
        )
        return result[:size]

    def _call(self, name: str, *arguments: object) -> None:
        if getattr(self._library, name)(*arguments) != 0:
            message = self._library.XGBGetLastError().decode(errors="replace")
            raise ModelRefused(f"XGBoost refuses ({name}): {message.strip().splitlines()[0]}")


def _array(address: int, rows: int, columns: int) -> bytes:
    """The array interface of a C-contiguous matrix of 32-bit numbers that lies at an address."""
    return (
        f'{{"data":[{address},true],"shape":[{rows},{columns}],"typestr":"<f4","version":3}}'
    ).encode()


@cache
def _library() -> ctypes.CDLL:
    """The shared library of the installed package, without importing the package."""
    spec = find_spec("xgboost")
    if spec is None or spec.origin is None:
        raise ModelRefused("XGBoost is not installed, so no model can score; run `make install`")
    names = ("libxgboost.so", "libxgboost.dylib", "xgboost.dll")
    found = [p for n in names if (p := Path(spec.origin).parent / "lib" / n).exists()]
    if not found:
        raise ModelRefused(f"XGBoost's library is in none of {names} beside {spec.origin}")
    library = ctypes.CDLL(str(found[0]))
    library.XGBGetLastError.restype = ctypes.c_char_p
    return library
