"""Two people, a passed gate and a signature: nothing else lets a version decide."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from firm.decision import RULE_VERSION, Person
from firm.errors import GateFailed, NoChallenger, NotAllowed
from firm.fairness import FAIRNESS_GATE, require_judged
from firm.promotion import (
    Proposal,
    Registration,
    agree,
    decline,
    end,
    kill,
    lift,
    propose,
    roll_back,
    shadow,
)
from firm.standing import Move, Promotion, Standing, stand

ADA = Person("Ada", frozenset({"data_scientist", "governance_reviewer"}))
BEN = Person("Ben", frozenset({"data_scientist", "governance_reviewer"}))
GUS = Person("Gus", frozenset({"governance_reviewer"}))
CLERK = Person("Clerk", frozenset({"finance"}))


def version(number: str, **changed: Any) -> Registration:
    fields = {
        "workflow": "flow",
        "version": number,
        "uri": f"file:///models/{number}/model.ubj",
        "sha256": number * 64,
        "size": 10,
        "trained_by": "Ada",
        "at": 1,
        "gates": {"AUC": 0.8},
    }
    return Registration(**{**fields, **changed})


def signed(made: Promotion, signature: str) -> bool:
    return signature == "signed"


class Record:
    """The record of one workflow, as the store keeps it."""

    def __init__(self) -> None:
        self.moves: list[Move] = []

    @property
    def standing(self) -> Standing:
        return stand("flow", self.moves, signed)

    def add(self, made: Promotion, signature: str = "signed") -> None:
        self.moves.append(Move(len(self.moves) + 1, made, signature))

    def promote(self, number: str, alias: Any = "champion", share: float = 1.0) -> Promotion:
        asked = propose(version(number), alias, share, BEN, "better", 10)
        self.add(agree(asked, version(number), self.standing, GUS, "seen", 10))
        return self.moves[-1].made


@pytest.fixture
def record() -> Record:
    return Record()


def proposed(by: Person = BEN, number: str = "1") -> Proposal:
    return propose(version(number), "champion", 1.0, by, "better", 10)


def test_two_people_let_a_version_decide(record: Record) -> None:
    made = record.promote("1")
    assert record.standing.champion == made
    assert (made.promoted_by, made.approved_by, made.gates) == ("Ben", "Gus", {"AUC": 0.8})
    assert "better" in made.why
    assert "seen" in made.why


@pytest.mark.parametrize("name", ["Ada", " ada ", "ADA"])
def test_who_trained_a_version_cannot_agree_to_it(record: Record, name: str) -> None:
    who = Person(name, ADA.roles)
    with pytest.raises(NotAllowed, match="trained version 1"):
        agree(proposed(), version("1"), record.standing, who, "fine", 10)


def test_who_proposed_a_version_cannot_agree_to_it(record: Record) -> None:
    with pytest.raises(NotAllowed, match="proposed version 1"):
        agree(proposed(BEN), version("1"), record.standing, BEN, "fine", 10)


@pytest.mark.parametrize(
    "registered",
    [version("1", failed=("AUC is 0.5, has to be at least 0.7",)), version("1", gates={})],
)
def test_a_version_without_a_passed_gate_is_neither_proposed_nor_agreed_to(
    record: Record, registered: Registration
) -> None:
    with pytest.raises(GateFailed, match="must not decide"):
        propose(registered, "champion", 1.0, BEN, "better", 10)
    with pytest.raises(GateFailed, match="must not decide"):
        agree(proposed(), registered, record.standing, GUS, "fine", 10)


def test_each_act_takes_a_role(record: Record) -> None:
    record.promote("1")
    record.promote("2")
    standing = record.standing
    acts = [
        lambda: propose(version("3"), "champion", 1.0, CLERK, "better", 10),
        lambda: agree(proposed(), version("1"), standing, CLERK, "fine", 10),
        lambda: decline(proposed(), CLERK, "no", 10),
        lambda: roll_back(standing, None, CLERK, "bad", 10),
        lambda: kill(standing, CLERK, "bad", 10),
        lambda: lift(standing, CLERK, "good", 10),
        lambda: shadow(version("3"), standing, CLERK, "try", 10),
    ]
    for act in acts:
        with pytest.raises(NotAllowed, match="takes one of the roles"):
            act()


def test_each_act_takes_a_name_and_a_reason(record: Record) -> None:
    record.promote("1")
    with pytest.raises(NotAllowed, match="takes a reason"):
        kill(record.standing, GUS, "  ", 10)
    with pytest.raises(NotAllowed, match="who they are"):
        kill(record.standing, Person(" ", GUS.roles), "bad", 10)


def test_who_proposed_can_take_it_back() -> None:
    own = decline(proposed(BEN), Person("ben", frozenset({"data_scientist"})), "too early", 11)
    assert own.why == "too early"


def test_rollback_goes_to_the_champion_before_and_then_to_any_other(record: Record) -> None:
    for number in ("1", "2", "3"):
        record.promote(number)
    record.add(roll_back(record.standing, None, GUS, "alarms", 20))
    assert record.standing.champion is not None
    assert record.standing.champion.version == "2"
    assert record.standing.champion.approved_by == "Gus"
    record.add(roll_back(record.standing, "1", GUS, "alarms", 20))
    assert record.standing.champion.version == "1"
    with pytest.raises(NotAllowed, match="can go back to"):
        roll_back(record.standing, "9", GUS, "alarms", 20)


def test_the_kill_switch_lets_the_rule_decide_until_it_is_lifted(record: Record) -> None:
    record.promote("1")
    record.promote("2")
    record.promote("3", "canary", 0.1)
    record.add(kill(record.standing, GUS, "nonsense since noon", 20))
    killed = record.standing
    assert (killed.champion, killed.canary) == (None, None)
    assert killed.killed == "Gus: nonsense since noon"
    assert record.moves[-1].made.version == RULE_VERSION
    for act in (
        lambda: agree(proposed(), version("1"), killed, GUS, "fine", 30),
        lambda: roll_back(killed, None, GUS, "back", 30),
        lambda: kill(killed, GUS, "again", 30),
    ):
        with pytest.raises(NotAllowed, match="lift it first"):
            act()
    record.add(lift(killed, GUS, "mended", 30))
    assert record.standing.champion is not None
    assert record.standing.champion.version == "2"


def test_a_new_champion_ends_the_canary(record: Record) -> None:
    record.promote("1")
    record.promote("2", "canary", 0.1)
    assert record.standing.canary is not None
    record.promote("2")
    assert record.standing.canary is None


def test_a_challenger_needs_no_gate_and_decides_nothing(record: Record) -> None:
    record.promote("1")
    untested = version("2", gates={}, failed=("AUC is low",))
    record.add(shadow(untested, record.standing, BEN, "try", 20))
    assert record.standing.challenger is not None
    assert record.standing.champion is not None
    assert record.standing.champion.version == "1"
    record.add(end(record.standing, "challenger", "Ben", "seen enough", 21))
    assert record.standing.challenger is None
    with pytest.raises(NoChallenger, match="has no challenger"):
        end(record.standing, "challenger", "Ben", "again", 22)


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0, float("nan")])
def test_a_canary_takes_a_share(share: float) -> None:
    with pytest.raises(NotAllowed, match="share between 0 and 1"):
        propose(version("1"), "canary", share, BEN, "better", 10)


class TestOnlySignedMovesInOrderCount:
    def test_an_unsigned_row_is_passed_over_for_good(self, record: Record) -> None:
        first = record.promote("1")
        record.add(msgspec.structs.replace(first, version="666", after=1), "forged")
        assert record.standing.champion == first
        assert "666" in record.standing.refused[2]
        assert "is not signed" in record.standing.refused[2]
        second = record.promote("2")
        assert record.standing.champion == second

    def test_a_row_that_was_copied_is_refused(self, record: Record) -> None:
        first = record.promote("1")
        second = record.promote("2")
        record.add(first)
        assert record.standing.champion == second
        assert "it was copied" in record.standing.refused[3]

    def test_a_row_that_is_missing_stops_what_came_after(self, record: Record) -> None:
        first = record.promote("1")
        record.promote("2")
        record.promote("3")
        del record.moves[1]
        assert record.standing.champion == first
        assert "was removed" in record.standing.refused[3]

    def test_time_goes_on_whatever_the_clock_does(self, record: Record) -> None:
        assert [record.promote(n).at for n in "123"] == [10, 11, 12]


@pytest.mark.parametrize(
    ("gates", "why"),
    [
        ({"AUC": 0.8}, f"nobody has checked its {FAIRNESS_GATE}"),
        ({FAIRNESS_GATE: 2.0}, f"it has {FAIRNESS_GATE}"),
        ({FAIRNESS_GATE: 0.0, f"{FAIRNESS_GATE} (sex women)": 1.0}, r"findings \(sex women\)"),
    ],
)
def test_who_scores_people_was_judged_and_nothing_was_found(
    gates: dict[str, float], why: str
) -> None:
    with pytest.raises(GateFailed, match=why):
        require_judged("flow", "1", gates, (FAIRNESS_GATE,))
    require_judged("flow", "1", gates, ())
    require_judged("flow", "1", {"AUC": 0.8, FAIRNESS_GATE: 0.0}, (FAIRNESS_GATE,))
