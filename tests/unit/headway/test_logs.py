"""A log in a file becomes events in order of time, disturbed on purpose and always alike."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firm.mapping import LogMapping
from headway.catalogue import canonicaliser, declared
from headway.clock import now
from headway.files import read_records
from headway.logs import Disturbance, Outgoing, UnknownLog, find_log, outgoing

EVENTS = [Outgoing(b"k", str(n).encode(), n) for n in range(200)]
shares = st.floats(0, 1)


@given(shares, shares, st.integers(0, 1_000))
def test_the_same_seed_disturbs_in_the_same_way(
    duplicates: float, disorder: float, seed: int
) -> None:
    disturb = Disturbance(duplicates, disorder, seed)
    assert disturb.apply(EVENTS) == disturb.apply(EVENTS)


@given(shares, shares, st.integers(0, 1_000))
def test_every_event_arrives_once_or_twice(duplicates: float, disorder: float, seed: int) -> None:
    arrived = Counter(
        event.payload for event in Disturbance(duplicates, disorder, seed).apply(EVENTS)
    )
    assert arrived.keys() == {event.payload for event in EVENTS}
    assert set(arrived.values()) <= {1, 2}


def test_nothing_is_disturbed_without_being_asked_for() -> None:
    assert Disturbance().apply(EVENTS) == EVENTS


def test_shares_are_kept_to() -> None:
    repeated = len(Disturbance(duplicates=0.5).apply(EVENTS)) - len(EVENTS)
    assert 70 <= repeated <= 130
    assert len(Disturbance(duplicates=1).apply(EVENTS)) == 2 * len(EVENTS)


def test_an_event_is_delayed_by_no_more_than_the_reach() -> None:
    arrived = Disturbance(disorder=0.5, reach=10).apply(EVENTS)
    assert arrived != EVENTS
    moved = [place - event.occurred_at for place, event in enumerate(arrived)]
    assert max(moved) <= 10
    assert min(moved) >= -10


def test_another_seed_disturbs_otherwise() -> None:
    one, other = (Disturbance(0.1, 0.1, seed).apply(EVENTS) for seed in (1, 2))
    assert one != other


def test_a_log_comes_in_order_of_time_and_can_be_read_back() -> None:
    file, mapping = find_log("capital_projects")
    canonical = canonicaliser(declared())
    sent = outgoing(file, mapping, canonical, now())
    assert len(sent) == 2_259
    assert [event.occurred_at for event in sent] == sorted(event.occurred_at for event in sent)
    for one in sent[::100]:
        event = canonical.event(one.payload, now())
        assert (event.occurred_at, event.subject.encode()) == (one.occurred_at, one.key)


def test_a_log_that_is_not_there_is_named() -> None:
    with pytest.raises(UnknownLog, match=r"'nothing'; there are .*'capital_projects'"):
        find_log("nothing")


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_values_are_read_as_text_and_missing_ones_as_none(tmp_path: Path, suffix: str) -> None:
    """The mapping says what a value is; the file's own guesses would lose leading zeros."""
    file = tmp_path / f"log.{suffix}"
    frame = pl.DataFrame({"id": ["007", "008"], "name": ["Ann", None]})
    frame.write_csv(file) if suffix == "csv" else frame.write_parquet(file)
    mapping = LogMapping.model_validate(
        {
            "name": "people",
            "source": "/tests",
            "event": [
                {
                    "type": "tests.person",
                    "fact": "person.named",
                    "id": ["id"],
                    "subject": {"kind": "person", "from": "id"},
                    "time": {"from": "name"},
                    "fields": {},
                }
            ],
        }
    )
    read = list(read_records(file, mapping))
    assert read == [{"id": "007", "name": "Ann"}, {"id": "008", "name": None}]
