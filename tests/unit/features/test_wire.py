"""The bytes of Feast's values, without Feast."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import wire
from features.errors import UnreadableValue


@given(st.none() | st.floats(allow_nan=False))
def test_a_double_comes_back(value: float | None) -> None:
    assert wire.decode(wire.double(value)) == value


@pytest.mark.parametrize("number", [0, 1, -1, 127, 128, 2**63 - 1, -(2**63)])
def test_an_integer_comes_back(number: int) -> None:
    assert wire.decode(wire.int64(number)) == number


@given(st.binary(max_size=300))
def test_bytes_come_back(value: bytes) -> None:
    assert wire.decode(wire.blob(value)) == value


def test_what_is_not_there_is_none() -> None:
    assert wire.decode(None) is None
    assert wire.decode(wire.MISSING) is None


@pytest.mark.parametrize(
    "data",
    [
        b"5\x00\x00\x80?",  # a float of 32 bits
        wire.double(1.5)[:-1],
        wire.blob(b"abc")[:-1],
        wire.blob(b"abc") + b"d",
        b"\x12\x01\xff",  # text that is no UTF-8
        b"\x20\xff",  # a number that does not end
    ],
)
def test_other_bytes_are_refused_by_name(data: bytes) -> None:
    with pytest.raises(UnreadableValue, match="no double, int64, bytes or string"):
        wire.decode(data)


@given(st.binary(max_size=40))
def test_any_bytes_are_a_value_or_refused(data: bytes) -> None:
    with suppress(UnreadableValue):
        wire.decode(data)
