"""A challenger is scored apart from what decides; a canary decides on its share, and goes by itself
when it breaks a declared limit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from firm.errors import NoChallenger
from firm.store import CanaryTally, ShadowScore
from firm.store.shadows import Shadowed
from headway import shadow
from headway.canary import CanaryGuard
from headway.clock import now
from headway.comparing import TooFewOutcomes, compare
from headway.governance import Governance
from headway.loading import loader
from headway.models import LiveModels, open_models
from headway.parts import Parts
from headway.registrar import Standings
from headway.shadow import Shadow
from headway.swap import wait_until_served
from stream.reader import Record
from tests.contract.store.samples import rows
from tests.stage import SLUG, Stage, report
from tests.versions import REVIEWER, SCIENTIST, promote, registered, settings_of
from workflows.delivery_risk import WORKFLOW

WORKFLOWS = {SLUG: WORKFLOW}
PROJECTS = [f"p{n}" for n in range(30)]


class Copy:
    """A copy in which version 1 decides on all that comes."""

    def __init__(self, stage: Stage, home: Path) -> None:
        self.stage, self.store = stage, stage.store
        self.settings = settings_of(home, database=stage.url)
        self.governance = Governance(self.settings, self.store)
        for version, score in (("1", 0.2), ("2", 0.8)):
            registered(self.settings, self.store, version, score)
        promote(self.governance, "1")
        self.models: LiveModels = open_models(self.settings, WORKFLOWS, self.store, "stream")
        self.models.start()
        self.standings = Standings(self.store, self.governance)
        self._reactor = stage.reactor(self.models)
        self._offset = stage.start

    def decide(self, day: int) -> None:
        """Each project reports once; their completion slips for every other one."""
        payloads = [
            report(f"{project}-{day}", project, day, slip=100 * day * (n % 2))
            for n, project in enumerate(PROJECTS)
        ]
        place = self._offset
        self._offset += len(payloads)
        records = [Record(place + n, now(), payload) for n, payload in enumerate(payloads)]
        self._reactor.take(records, now())

    def shadow(self) -> Shadow:
        load = loader(self.settings.artifacts)
        return Shadow(WORKFLOWS, self.store, self.standings.of, load)

    def guard(self) -> CanaryGuard:
        return CanaryGuard(WORKFLOWS, self.store, self.governance, self.standings.of)

    def propose_canary(self, share: float) -> None:
        asked = self.governance.propose(SLUG, "2", SCIENTIST, "try it", "canary", share)
        self.governance.agree(SLUG, asked.id, REVIEWER, "on few")
        wait_until_served(self.store, SLUG)
        self.standings.tick()

    def versions(self, day: int) -> dict[str, str]:
        """By project, who decided on a day's report."""
        return {
            decision.subject: decision.model_version
            for decision in self.store.decisions(SLUG)
            if decision.asked_by and decision.asked_by.id.endswith(f"-{day}")
        }

    def alarms(self) -> list[str]:
        return [record.alert.says for record in self.store.alerts(SLUG)]


@pytest.fixture
def copy(parts: Parts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Copy]:
    monkeypatch.setattr(shadow, "SETTLE", 0)
    stage = Stage(parts)
    made = Copy(stage, tmp_path / "home")
    yield made
    made.models.stop()
    stage.close()


def test_a_challenger_scores_what_was_decided_and_decides_nothing(copy: Copy) -> None:
    copy.decide(0)
    copy.governance.shadow(SLUG, "2", SCIENTIST, "is it better?")
    follower = copy.shadow()
    for day in (1, 2):
        copy.decide(day)
        follower.tick()
        follower.tick()
    copy.shadow().tick()
    scored = list(copy.store.shadowed(SLUG, "2"))
    assert len(scored) == 2 * len(PROJECTS), "from when it was made challenger, each once"
    for one in scored:
        assert one.decision.model_version == "1"
        assert one.decision.probability < 0.5 < one.probability
    assert {row["model_version"] for row in rows(copy.stage.url, "decision")} == {"1"}
    copy.governance.end(SLUG, "challenger", "Ben", "seen enough")
    copy.standings.tick()
    copy.decide(3)
    follower.tick()
    assert len(list(copy.store.shadowed(SLUG, "2"))) == len(scored)


def test_a_challenger_that_is_hostile_harms_nobody(copy: Copy) -> None:
    copy.governance.shadow(SLUG, "2", SCIENTIST, "is it better?")
    (copy.settings.artifacts / SLUG / "2" / "model.ubj").write_bytes(b"cposix\nsystem\n")
    follower = copy.shadow()
    follower.tick()
    follower.tick()
    (alarm,) = copy.alarms()
    assert "challenger 2 of delivery_risk is refused" in alarm


def test_a_comparison_needs_a_challenger_and_outcomes(copy: Copy) -> None:
    with pytest.raises(NoChallenger, match="has no challenger"):
        copy.governance.compare(SLUG)
    copy.governance.shadow(SLUG, "2", SCIENTIST, "is it better?")
    with pytest.raises(TooFewOutcomes, match="it takes 30"):
        copy.governance.compare(SLUG)


@pytest.mark.parametrize(
    ("steps", "verdict"),
    [
        ((0.5, 0.6), "the challenger is better"),
        ((-0.05, 0.05), "neither"),
        ((-0.1, -0.15), "the challenger is worse"),
    ],
)
def test_it_says_what_the_intervals_show(
    copy: Copy, steps: tuple[float, float], verdict: str
) -> None:
    """Where everything comes true, the higher score is the better one."""
    copy.decide(0)
    scored = [
        Shadowed(one, one.probability + steps[place % 2], 1.0)
        for place, one in enumerate(copy.store.decisions(SLUG))
    ]
    late = WORKFLOW.model_copy(
        update={"label": WORKFLOW.label.model_copy(update={"maturity_days": -1.0})}
    )
    found = compare(late, "2", scored)
    assert found["low"] <= found["difference"] <= found["high"]
    assert found["judged"] == len(PROJECTS)
    assert found["verdict"].startswith(verdict)


class Broken:
    """A model that fails where it scored before."""

    version = "2"

    def predict(self, rows: object) -> list[float]:
        raise RuntimeError("out of memory")


class TestACanary:
    def test_decides_on_its_share_always_the_same_and_names_itself(self, copy: Copy) -> None:
        copy.propose_canary(0.3)
        for day in (0, 1):
            copy.decide(day)
        first, second = copy.versions(0), copy.versions(1)
        assert first == second
        assert Counter(first.values()).keys() == {"1", "2"}
        copy.guard().tick()
        assert copy.governance.standing(SLUG).canary is not None

    @pytest.mark.parametrize(
        ("asked", "failed", "slow", "words"),
        [(200, 5, 0, "of 200 calls failed"), (200, 0, 30, "took over 20 ms")],
    )
    def test_goes_when_it_fails_or_is_slow(
        self, copy: Copy, asked: int, failed: int, slow: int, words: str
    ) -> None:
        copy.propose_canary(0.3)
        tallies = [CanaryTally(w, SLUG, "2", asked // 2, failed, slow) for w in ("stream", "http")]
        copy.store.note_tallies(tallies)
        copy.guard().tick()
        assert copy.governance.standing(SLUG).canary is None
        (alarm,) = copy.alarms()
        assert words in alarm
        wait_until_served(copy.store, SLUG)
        assert copy.models.now(SLUG).canary is None
        assert copy.store.verify() > 0

    def test_goes_when_it_alarms_unlike_the_champion(self, copy: Copy) -> None:
        copy.propose_canary(0.5)
        for day in range(8):
            copy.decide(day)
        copy.guard().tick()
        assert copy.governance.standing(SLUG).canary is None
        assert "of its" in copy.alarms()[0]
        assert "decisions are alarms" in copy.alarms()[0]

    def test_that_breaks_leaves_the_champion_to_decide(self, copy: Copy) -> None:
        copy.propose_canary(0.999)
        canary = copy.models.now(SLUG).canary
        assert canary is not None
        canary.scorer._scorer = Broken()
        copy.decide(0)
        assert set(copy.versions(0).values()) == {"1"}
        assert canary.scorer.failed == 1


def test_a_shadow_score_is_kept_once(copy: Copy) -> None:
    copy.decide(0)
    (first, *_) = copy.store.decisions(SLUG)
    for probability in (0.3, 0.4):
        one = ShadowScore(first.id, "2", SLUG, probability, first.decided_at)
        copy.store.note_shadows([one])
    (kept,) = copy.store.shadowed(SLUG, "2")
    assert kept.probability == 0.3
