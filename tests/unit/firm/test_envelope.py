"""Only CloudEvents in structured JSON come in, of a bounded size, at times that can be true."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from firm.envelope import (
    CLOCK_SKEW,
    LARGEST_EVENT_BYTES,
    LONGEST_ID,
    Envelope,
    check_time,
    open_envelope,
    ref_of,
    seal_envelope,
)
from firm.errors import Malformed, TimeOutOfRange, TooLarge
from firm.ids import EventRef
from firm.time import to_datetime, to_micros
from tests.unit.firm.samples import NOW, payload


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "truncated"),
        (b"{not json", "JSON is malformed"),
        (b"\xff\xfe\x00", "invalid character"),
        (payload(id="X").replace(b"X", b"\xff"), "utf-8"),
        (payload(id="X").replace(b"X", b"\\ud800"), "surrogate"),
        (payload(id="X").replace(b"X", b"\\udc00"), "surrogate"),
        (b"null", "got `null`"),
        (b"[]", "got `array`"),
        (b'"text"', "got `str`"),
        (b"{}", "missing required field `id`"),
        (payload(data=None), "missing required field `data`"),
        (payload(id=5), r"\$.id"),
        (payload(id=""), "non-empty id"),
        (payload(source=""), "non-empty id"),
        (payload(type=""), "non-empty id"),
        (payload(id="x" * 501), "id 'xxx.* has more than 500 characters"),
        (payload(source="x" * 501), "source 'xxx.* has more than 500 characters"),
        (payload(time=5), r"\$.time"),
        (payload(time="yesterday"), r"\$.time"),
        (payload(subject=5), r"\$.subject"),
        (b'{"id": NaN}', "invalid character"),
        (payload(data="X").replace(b'"X"', b"Infinity"), "invalid character"),
        (payload(data="X").replace(b'"X"', b"1e999"), "out of range"),
        (payload(data="X").replace(b'"X"', b"9" * 5000), "out of range"),
        (payload(data="X").replace(b'"X"', b"[" * 100_000), "recursion"),
        (payload(data="X").replace(b'"X"', b"[" * 100_000 + b"]" * 100_000), "recursion"),
    ],
    ids=lambda value: str(value[:60]) if isinstance(value, bytes) else "",
)
def test_malformed(raw: bytes, says: str) -> None:
    with pytest.raises(Malformed, match=says):
        open_envelope(raw)


@pytest.mark.parametrize("text", ["\0", "a\0b", "a\\\0", "\\\\\0"])
@pytest.mark.parametrize("field", ["id", "subject", "source", "data"])
def test_no_text_holds_the_nul_that_postgresql_cannot_keep(field: str, text: str) -> None:
    with pytest.raises(Malformed, match=r"byte \d+ of the payload is U\+0000"):
        open_envelope(payload(**{field: text}))


@pytest.mark.parametrize("text", ["\\u0000", "\\\\u0000", "u0000", "\1"])
def test_a_text_that_only_looks_like_a_nul_is_let_through(text: str) -> None:
    assert open_envelope(payload(data=text)).data == text


def test_a_payload_of_ten_megabytes_is_too_large() -> None:
    with pytest.raises(TooLarge, match="10,485,760 bytes, an event may have 1,048,576"):
        open_envelope(b" " * (10 << 20))


def test_the_largest_payload_and_the_longest_id_come_in() -> None:
    sealed = payload(id="x" * LONGEST_ID)
    assert open_envelope(sealed.ljust(LARGEST_EVENT_BYTES)).id == "x" * LONGEST_ID
    with pytest.raises(TooLarge):
        open_envelope(sealed.ljust(LARGEST_EVENT_BYTES + 1))


def test_unknown_attributes_are_let_through() -> None:
    assert open_envelope(payload(traceparent="00-x", dataschema=5)).id == "a-1"


def test_what_is_sealed_opens_again() -> None:
    moment = datetime(2020, 1, 1, 12, 30, 0, 1, tzinfo=UTC)
    envelope = Envelope("1", "/s", "t", {"a": [1, None, "ü"]}, moment, "project:1")
    assert open_envelope(seal_envelope(envelope)) == envelope
    assert json.loads(seal_envelope(envelope))["specversion"] == "1.0"


@pytest.mark.parametrize(
    ("moment", "says"),
    [
        (datetime(2020, 1, 1), "2020-01-01T00:00:00 has no zone"),  # noqa: DTZ001
        (datetime(1989, 12, 31, 23, 59, tzinfo=UTC), "1989-12-31T23:59:00.* before 1990-01-01"),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "before 1990-01-01"),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))), "9999-12-31.*ahead"),
        (
            to_datetime(NOW) + CLOCK_SKEW + timedelta(microseconds=1),
            "2026-01-02T00:00:00.000001.* more than a day ahead",
        ),
    ],
    ids=str,
)
def test_a_time_that_cannot_be_true(moment: datetime, says: str) -> None:
    with pytest.raises(TimeOutOfRange, match=says):
        check_time(moment, NOW)


@pytest.mark.parametrize(
    "moment", [datetime(1990, 1, 1, tzinfo=UTC), to_datetime(NOW) + CLOCK_SKEW], ids=str
)
def test_a_time_at_the_edge_is_taken(moment: datetime) -> None:
    assert check_time(moment, NOW) == to_micros(moment)


@pytest.mark.parametrize(
    ("sent", "ref"),
    [
        (payload(), EventRef("/tests", "a-1")),
        (payload(type=None, time=5), EventRef("/tests", "a-1")),
        (payload(id=None), None),
        (payload(id=5), None),
        (b"{not json", None),
        (b"\xff", None),
    ],
)
def test_a_payload_is_named_as_its_sender_does_whatever_else_is_wrong(
    sent: bytes, ref: EventRef | None
) -> None:
    assert ref_of(sent) == ref
