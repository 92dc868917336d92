"""The online store serves what was written last in the order of the log, and says so when not."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from features import online as module
from features import wire
from features.errors import OnlineStoreAhead, OnlineStoreUnavailable, UnreadableValue
from features.online import FeastStates
from features.views import Views
from firm.errors import Fenced, WrongSubject
from firm.events import Position
from firm.groups import Group
from firm.history import Entry, History, Values
from firm.ids import EventId, SubjectId
from firm.ports import OnlineStates
from firm.states import GroupState, States, SubjectState, encode_state, known_as_of
from firm.time import DAY
from firm.workflow import Workflow
from workflows.delivery_risk import WORKFLOW
from workflows.staffing_fit import WORKFLOW as STAFFING

P = SubjectId("project:p")


def subject(at: int = 19_000 * DAY, offset: int | None = 1, name: SubjectId = P) -> SubjectState:
    values: Values = {
        "forecast": 19_100.0,
        "phase": "Design",
        "owner": "o",
    }
    entry = Entry(at, EventId(f"e{at}"), "project.status_reported", values)
    place = None if offset is None else Position(0, offset)
    return SubjectState(name, History([entry]), place)


def group(name: str, days: int = 3) -> GroupState:
    known = Group()
    for day in range(days):
        known.record((18_000 + day) * DAY, 1.0)
    return GroupState(name, known)


def test_it_is_a_store_of_states(online: FeastStates) -> None:
    port: OnlineStates = online
    assert port.read(WORKFLOW, P) == (None, {})


def test_what_is_written_is_read_with_the_groups_of_the_subject(online: FeastStates) -> None:
    groups = [group("all", 5), group("owner:o", 2), group("owner:another")]
    online.write(WORKFLOW, [subject()], groups)
    assert online.read(WORKFLOW, P) == (subject(), {"all": groups[0], "owner:o": groups[1]})


def test_asked_as_of_the_past_the_groups_are_those_of_then(online: FeastStates) -> None:
    state, moved = subject(), {"owner": "new"}
    state.history.add(Entry(19_500 * DAY, EventId("later"), "project.status_reported", {**moved}))
    online.write(WORKFLOW, [state], [group("owner:o", 2), group("owner:new", 3)])
    assert online.read(WORKFLOW, P, 19_499 * DAY)[1] == {"owner:o": group("owner:o", 2)}
    assert online.read(WORKFLOW, P)[1] == {"owner:new": group("owner:new", 3)}


def test_repeating_a_write_changes_nothing(redis: Redis, online: FeastStates) -> None:
    online.write(WORKFLOW, [subject()], [group("all")])
    before = _everything(redis)
    online.write(WORKFLOW, [subject()], [group("all")])
    assert _everything(redis) == before


def test_a_late_event_changes_the_state_though_its_newest_time_stays(online: FeastStates) -> None:
    online.write(WORKFLOW, [subject(offset=1)], [])
    late = subject(offset=2)
    late.history.add(Entry(18_000 * DAY, EventId("late")))
    online.write(WORKFLOW, [late], [])
    assert online.read(WORKFLOW, P)[0] == late


def test_the_last_of_one_batch_stands(online: FeastStates) -> None:
    online.write(WORKFLOW, [subject(offset=1), subject(18_000 * DAY, offset=2)], [])
    assert online.read(WORKFLOW, P)[0] == subject(18_000 * DAY, offset=2)


def test_an_older_position_never_replaces_a_newer_one(online: FeastStates) -> None:
    newer, other = subject(offset=10), subject(offset=9, name=SubjectId("project:q"))
    online.write(WORKFLOW, [newer], [group("all", 5)])
    with pytest.raises(OnlineStoreAhead, match=r"2 states.*first 'project:p'.*FLUSHDB") as refused:
        online.write(WORKFLOW, [subject(20_000 * DAY, offset=9), other], [group("all", 4)])
    assert isinstance(refused.value, Fenced)
    assert online.read(WORKFLOW, P) == (newer, {"all": group("all", 5)})
    assert online.read(WORKFLOW, SubjectId("project:q"))[0] == other


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=6))
def test_whatever_the_order_the_newest_position_stands(
    redis: Redis, online: FeastStates, offsets: list[int]
) -> None:
    redis.flushall()
    for place, offset in enumerate(offsets):
        if offset >= max(offsets[:place], default=0):
            online.write(WORKFLOW, [subject(offset=offset)], [])
        else:
            with pytest.raises(OnlineStoreAhead):
                online.write(WORKFLOW, [subject(offset=offset)], [])
    assert online.read(WORKFLOW, P)[0] == subject(offset=max(offsets))


def test_a_state_without_a_position_is_written_as_told(online: FeastStates) -> None:
    for offset in (1, None, 1):
        online.write(WORKFLOW, [subject(offset=offset)], [])
        assert online.read(WORKFLOW, P)[0] == subject(offset=offset)


def test_features_use_groups_that_this_batch_did_not_touch(
    redis: Redis, online: FeastStates
) -> None:
    groups = {"all": group("all", 5), "owner:o": group("owner:o", 2)}
    online.write(WORKFLOW, [], list(groups.values()))
    online.write(WORKFLOW, [subject()], [])
    state = subject()
    row = WORKFLOW.row(known_as_of(WORKFLOW, P, state, groups, state.event_time))
    assert _row(redis, WORKFLOW, P) == row


def test_after_a_crash_everything_is_written_again(
    redis: Redis, online: FeastStates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    subjects = [subject(offset=n, name=SubjectId(f"project:{n}")) for n in range(10)]
    states = States(subjects, [group("all", 5), group("owner:o", 2)])
    online.rewrite_all(WORKFLOW, states)
    whole = _everything(redis)
    redis.flushall()
    online.write(WORKFLOW, subjects, list(states.groups.values()))
    assert _everything(redis) == whole


def test_an_empty_database_rewrites_nothing(redis: Redis, online: FeastStates) -> None:
    online.rewrite_all(WORKFLOW, States())
    assert redis.keys() == []


def test_the_state_of_another_subject_is_not_passed_on(redis: Redis, online: FeastStates) -> None:
    views = Views("headway", WORKFLOW)
    blob = wire.blob(encode_state(subject(name=SubjectId("project:q"))))
    _put(redis, views.subjects.key(P), views.subject_state, blob)
    with pytest.raises(WrongSubject, match=r"'project:p'.*'project:q'"):
        online.read(WORKFLOW, P)


def test_the_state_of_another_group_is_not_passed_on(redis: Redis, online: FeastStates) -> None:
    views = Views("headway", WORKFLOW)
    online.write(WORKFLOW, [subject()], [])
    _put(redis, views.groups.key("all"), views.group_state, wire.blob(encode_state(group("x"))))
    with pytest.raises(WrongSubject, match=r"'all'.*'x'"):
        online.read(WORKFLOW, P)


def test_a_state_that_is_no_bytes_is_named(redis: Redis, online: FeastStates) -> None:
    views = Views("headway", WORKFLOW)
    _put(redis, views.subjects.key(P), views.subject_state, wire.double(1.5))
    with pytest.raises(UnreadableValue, match=r"1\.5"):
        online.read(WORKFLOW, P)


def test_a_redis_that_is_away_is_said_at_once() -> None:
    away = FeastStates("redis://127.0.0.1:1/0")
    start = time.monotonic()
    with pytest.raises(OnlineStoreUnavailable, match="see that Redis runs") as error:
        away.read(WORKFLOW, P)
    with pytest.raises(OnlineStoreUnavailable):
        away.write(WORKFLOW, [subject()], [])
    assert error.value.retry
    assert time.monotonic() - start < 1


def test_a_connection_that_redis_dropped_is_made_again(redis: Redis, redis_url: str) -> None:
    online = FeastStates(redis_url)
    online.write(WORKFLOW, [subject()], [])
    redis.client_kill_filter(_type="normal", skipme=True)
    assert online.read(WORKFLOW, P)[0] == subject()


def test_a_batch_is_seen_whole_or_not_at_all(redis: Redis, redis_url: str) -> None:
    """Readers on other connections while two versions of twenty subjects take turns."""
    online, layout = FeastStates(redis_url), Views("headway", WORKFLOW).subjects
    ids = [SubjectId(f"project:{n}") for n in range(20)]

    def write() -> None:
        for offset in range(60):
            online.write(WORKFLOW, [subject(offset=offset, name=name) for name in ids], [])

    write()
    redis.flushall()
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        while not writing.done():
            pipe: Any = redis.pipeline(transaction=True)
            for name in ids:
                pipe.hget(layout.key(name), layout.fields[0])
            assert len(set(pipe.execute())) == 1
        writing.result()


def _row(redis: Redis, workflow: Workflow, name: SubjectId) -> tuple[wire.FeastValue, ...]:
    layout = Views("headway", workflow).subjects
    values: Any = redis.execute_command("HMGET", layout.key(name), *layout.fields[3:-1])  # type: ignore[no-untyped-call]
    return tuple(map(wire.decode, values))


def _put(redis: Redis, key: bytes, field: bytes, value: bytes) -> None:
    redis.execute_command("HSET", key, field, value)  # type: ignore[no-untyped-call]


def _everything(redis: Redis) -> dict[bytes, Any]:
    keys: Any = redis.keys()
    return {key: redis.hgetall(key) for key in keys}


def held(key: str) -> GroupState:
    return group(f"held:{key}")


def test_the_pool_holds_all_candidates_that_were_ever_written(online: FeastStates) -> None:
    assert online.pool(STAFFING) == []
    online.write(STAFFING, [], [held("A"), held("Ä|B"), group("reassigned_group:C")])
    online.write(STAFFING, [], [held("A"), held("D")])
    assert sorted(online.pool(STAFFING)) == ["A", "D", "Ä|B"]
    online.write(WORKFLOW, [], [held("E")])
    assert online.pool(WORKFLOW) == [], "it declares no candidates"


def test_a_worker_that_starts_writes_the_pool_anew(redis: Redis, online: FeastStates) -> None:
    states = States(groups=[held("A"), held("B")])
    redis.flushall()
    online.rewrite_all(STAFFING, states)
    assert sorted(online.pool(STAFFING)) == sorted(states.keys("held")) == ["A", "B"]


def test_any_number_of_groups_is_read_at_once(online: FeastStates) -> None:
    groups = {state.group: state for state in (held(str(n)) for n in range(3 * module.BATCH // 2))}
    online.write(STAFFING, [], list(groups.values()))
    assert online.groups(STAFFING, [*groups, "held:unheard of"]) == groups
    assert online.groups(STAFFING, []) == {}
