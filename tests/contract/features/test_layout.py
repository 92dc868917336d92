"""What we write by hand is, byte for byte, what Feast and protobuf would write."""

from datetime import UTC

from feast.infra.online_stores.helpers import _mmh3, _redis_key
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import NULL, Value

# protobuf ships no types.
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from features import wire
from features.layout import ViewLayout, field_hash
from firm.time import to_micros

IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=3_000)
TIMES = st.datetimes(timezones=st.just(UTC)).map(to_micros)
INTEGERS = st.integers(-(2**63), 2**63 - 1)


@given(IDS, IDS)
def test_keys_are_those_of_feast(join_key: str, entity: str) -> None:
    ours = ViewLayout.of("headway", "view", join_key, ()).key(entity)
    value = Value(string_val=entity)
    assert ours == _redis_key("headway", EntityKey(join_keys=[join_key], entity_values=[value]))


@given(IDS, IDS)
def test_fields_are_those_of_feast(view: str, feature: str) -> None:
    assert field_hash(view, feature) == _mmh3(f"{view}:{feature}")


@given(st.floats(allow_nan=False))
def test_doubles_are_those_of_protobuf(value: float) -> None:
    theirs = Value(double_val=value).SerializeToString()
    assert wire.double(value) == theirs
    assert wire.decode(theirs) == value


@given(INTEGERS)
def test_integers_are_those_of_protobuf(value: int) -> None:
    theirs = Value(int64_val=value).SerializeToString()
    assert wire.int64(value) == theirs
    assert wire.decode(theirs) == value


@given(st.binary(max_size=20_000))
def test_bytes_are_those_of_protobuf(value: bytes) -> None:
    theirs = Value(bytes_val=value).SerializeToString()
    assert wire.blob(value) == theirs
    assert wire.decode(theirs) == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_strings_are_those_of_protobuf(value: str) -> None:
    theirs = Value(string_val=value).SerializeToString()
    assert wire.string(value) == theirs
    assert wire.decode(theirs) == value


@given(TIMES)
def test_timestamps_are_those_of_protobuf(at: int) -> None:
    theirs = Timestamp()
    theirs.FromMicroseconds(at)
    assert wire.timestamp(at) == theirs.SerializeToString()


def test_nothing_is_written_as_feast_writes_nothing() -> None:
    assert wire.double(None) == Value().SerializeToString()
    assert wire.decode(Value().SerializeToString()) is None
    assert wire.decode(Value(null_val=NULL).SerializeToString()) is None
