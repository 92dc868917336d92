"""Promotions on a real database: each process that scores follows the signed record, and no other
word."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from firm.decision import RULE_VERSION, Person
from firm.errors import GateFailed, NotAllowed
from firm.ports import Scorer
from firm.promotion import Registration
from firm.standing import Promotion
from firm.workflow import Workflow
from headway import models
from headway.clock import now
from headway.governance import Governance
from headway.loading import loader
from headway.models import LiveModels, open_models
from headway.parts import Parts
from headway.settings import Settings
from headway.signing import Verifier
from headway.swap import wait_until_served
from stream.reader import Record
from tests.contract.store.samples import tamper
from tests.stage import NOON, SLUG, Stage, report, until
from tests.versions import (
    REVIEWER,
    SCIENTIST,
    TRAINER,
    model_file,
    promote,
    registered,
    registration,
    settings_of,
)
from workflows.delivery_risk import WORKFLOW

WORKFLOWS = {SLUG: WORKFLOW}
FORGED = (
    "INSERT INTO promotion (workflow, version, uri, sha256, size, promoted_by, approved_by, why, "
    "at, gates, alias, kind, share, after, signature, aligned_at) SELECT workflow, '2', "
    "replace(uri, '/1/', '/2/'), sha256, size, promoted_by, approved_by, why, at + 1, gates, alias,"
    " kind, share, seq, signature, aligned_at FROM promotion WHERE version = '1'"
)


class Copy:
    """A store, its key, and two versions that were trained."""

    def __init__(self, stage: Stage, home: Path) -> None:
        self.stage = stage
        self.store = stage.store
        self.settings: Settings = settings_of(home, database=stage.url)
        self.governance = Governance(self.settings, self.store)
        for version, score in (("1", 0.2), ("2", 0.8)):
            registered(self.settings, self.store, version, score)

    def alarms(self) -> list[str]:
        return [record.alert.says for record in self.store.alerts(SLUG)]

    def harmed(self, how: str) -> tuple[str, Callable[[], object]]:
        """A version that cannot be loaded, and what makes an end of that."""
        if how == "other features":
            folder = self.settings.artifacts / SLUG / "3"
            made = registration(self.settings, "3", 0.5)
            content = model_file(folder, 0.5, [*WORKFLOW.feature_names[1:], "other"]).read_bytes()
            sha256, size = hashlib.sha256(content).hexdigest(), len(content)
            self.governance.register(msgspec.structs.replace(made, sha256=sha256, size=size))
            return "3", lambda: self.governance.roll_back(SLUG, "1", REVIEWER, "it does not fit")
        file = self.settings.artifacts / SLUG / "2" / "model.ubj"
        content = file.read_bytes()
        file.write_bytes(content[:-1] + b" ")
        if how == "gone":
            file.unlink()
        return "2", lambda: file.write_bytes(content)


@pytest.fixture
def copy(parts: Parts, tmp_path: Path) -> Iterator[Copy]:
    stage = Stage(parts)
    yield Copy(stage, tmp_path / "home")
    stage.close()


@pytest.fixture
def worker(copy: Copy) -> Iterator[Callable[[str], LiveModels]]:
    """Processes that score, as far as their models go."""
    started: list[LiveModels] = []

    def start(name: str = "stream") -> LiveModels:
        started.append(open_models(copy.settings, WORKFLOWS, copy.store, name))
        started[-1].start()
        return started[-1]

    yield start
    for one in started:
        one.stop()


def version(models: LiveModels) -> str:
    champion = models.live(SLUG)
    return champion.version if champion else RULE_VERSION


def test_each_process_takes_a_promotion_over_and_a_rollback(
    copy: Copy, worker: Callable[[str], LiveModels]
) -> None:
    both = [worker("stream"), worker("http:1")]
    heard: list[str] = []
    both[0].on_change(heard.append)
    assert [version(one) for one in both] == [RULE_VERSION] * 2
    for number in "12":
        promote(copy.governance, number)
        served = wait_until_served(copy.store, SLUG)
        assert {(one.worker, one.version) for one in served} == {
            ("stream", number),
            ("http:1", number),
        }
        assert [version(one) for one in both] == [number] * 2
    copy.governance.roll_back(SLUG, None, REVIEWER, "too many alarms")
    wait_until_served(copy.store, SLUG)
    assert [version(one) for one in both] == ["1"] * 2
    assert heard == [SLUG] * 3
    assert version(worker("http:2")) == "1", "a process that starts now has it too"
    assert copy.store.verify() > 0


def test_what_is_proposed_is_loaded_before_anybody_agrees_and_decides_only_then(
    copy: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    load = loader(copy.settings.artifacts)
    genuine = Verifier(copy.settings).genuine

    def counted(made: Promotion | Registration, workflow: Workflow) -> Scorer:
        loaded.append(made.version)
        return load(made, workflow)

    promote(copy.governance, "1")
    stream = LiveModels(WORKFLOWS, copy.store, genuine, counted, "stream")
    stream.start()
    asked = copy.governance.propose(SLUG, "2", SCIENTIST, "better")
    until(lambda: loaded == ["1", "2"])
    assert version(stream) == "1"
    copy.governance.agree(SLUG, asked.id, REVIEWER, "seen")
    wait_until_served(copy.store, SLUG)
    assert version(stream) == "2"
    copy.governance.roll_back(SLUG, "1", REVIEWER, "as before")
    wait_until_served(copy.store, SLUG)
    stream.stop()
    assert (version(stream), loaded) == ("1", ["1", "2"]), "each was loaded once"


def test_a_killed_workflow_is_decided_by_the_rule_and_says_why(
    copy: Copy, worker: Callable[[str], LiveModels]
) -> None:
    promote(copy.governance, "1")
    models = worker("stream")
    copy.governance.kill(SLUG, REVIEWER, "nonsense since noon")
    wait_until_served(copy.store, SLUG)
    reactor = copy.stage.reactor(models)
    reactor.take([Record(copy.stage.start, now(), report("a"))], now())
    (decision,) = copy.store.decisions(SLUG)
    assert decision.model_version == RULE_VERSION
    assert decision.rule_because == "kill switch, Gus: nonsense since noon"
    copy.governance.lift(SLUG, REVIEWER, "mended")
    wait_until_served(copy.store, SLUG)
    assert version(models) == "1"


def test_a_row_that_was_slipped_into_the_record_decides_nothing(
    copy: Copy, worker: Callable[[str], LiveModels]
) -> None:
    promote(copy.governance, "1")
    models = worker("stream")
    assert tamper(copy.stage.url, FORGED) == 1
    until(lambda: bool(copy.alarms()))
    assert "version 2" in copy.alarms()[0]
    assert "is not signed with the key of this copy" in copy.alarms()[0]
    assert version(models) == "1"
    assert version(worker("http:1")) == "1"
    promote(copy.governance, "2")
    wait_until_served(copy.store, SLUG)
    assert version(models) == "2", "what is signed afterwards counts"


def test_a_record_that_was_cut_off_changes_nothing_that_is_live(
    copy: Copy, worker: Callable[[str], LiveModels]
) -> None:
    promote(copy.governance, "1")
    promote(copy.governance, "2")
    models = worker("stream")
    tamper(copy.stage.url, "DELETE FROM promotion WHERE version = '2'")
    until(lambda: bool(copy.alarms()))
    assert "was cut off" in copy.alarms()[0]
    assert version(models) == "2"


@pytest.mark.parametrize("harm", ["gone", "changed", "other features"])
def test_a_version_that_cannot_be_loaded_leaves_the_old_one_serving(
    copy: Copy, worker: Callable[[str], LiveModels], harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner is told what to do; once the file is whole again the alert resolves itself."""
    monkeypatch.setattr(models, "RETRY_SECONDS", 0.2)
    promote(copy.governance, "1")
    stream = worker("stream")
    before = stream.live(SLUG)
    number, mend = copy.harmed(harm)
    promote(copy.governance, number)
    (served,) = wait_until_served(copy.store, SLUG)
    assert stream.live(SLUG) is before
    assert served.version == "1"
    assert served.because.startswith(f"version {number} of {SLUG} is refused")
    (record,) = copy.store.alerts(SLUG)
    alert = record.alert
    assert alert.says == f"champion in stream: {served.because}"[:500]
    assert (alert.kind, alert.version, alert.owner) == ("version-refused", number, WORKFLOW.owner)
    assert "restores the file" in alert.todo
    assert version(worker("http:1")) == RULE_VERSION, "nothing stood there before"
    assert len(copy.store.alerts(SLUG)) == 2, "one for each process, raised once"
    mend()
    until(lambda: copy.alarms() == [])
    (said,) = copy.store.handlings(alert.id)
    assert (said.status, said.person) == ("resolved", "stream")
    assert copy.store.verify() > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE model_version SET trained_by = 'Somebody'", "is not signed"),
        ("UPDATE model_version SET failed = CAST('[]' AS BYTEA)", "is not signed"),
        ("UPDATE model_version SET sha256 = '0'", "is not signed"),
    ],
)
def test_a_registration_that_was_changed_cannot_be_promoted(
    copy: Copy, change: str, words: str
) -> None:
    failed = registration(copy.settings, "3", 0.5, failed=("AUC is 0.5",))
    copy.governance.register(failed)
    with pytest.raises(GateFailed, match="AUC is"):
        copy.governance.propose(SLUG, "3", SCIENTIST, "better")
    tamper(copy.stage.url, change)
    with pytest.raises(NotAllowed, match=words):
        copy.governance.propose(SLUG, "3", SCIENTIST, "better")


def test_the_trainer_cannot_agree_and_nobody_agrees_twice(copy: Copy) -> None:
    asked = copy.governance.propose(SLUG, "1", SCIENTIST, "better")
    with pytest.raises(NotAllowed, match="trained version 1"):
        copy.governance.agree(SLUG, asked.id, Person(TRAINER, REVIEWER.roles), "mine is fine")
    copy.governance.agree(SLUG, asked.id, REVIEWER, "seen")
    with pytest.raises(NotAllowed, match="somebody has settled it"):
        copy.governance.agree(SLUG, asked.id, REVIEWER, "seen again")
    again = copy.governance.propose(SLUG, "2", SCIENTIST, "better")
    copy.governance.decline(SLUG, again.id, REVIEWER, "not yet")
    with pytest.raises(NotAllowed, match="somebody has settled it"):
        copy.governance.agree(SLUG, again.id, REVIEWER, "after all")
    assert copy.store.verify() > 0


def test_what_was_live_at_any_time_can_be_told(copy: Copy) -> None:
    first = promote(copy.governance, "1")
    second = promote(copy.governance, "2")
    killed = copy.governance.kill(SLUG, REVIEWER, "alarms")
    found = [copy.governance.standing(SLUG, at) for at in (NOON, first.at, second.at, killed.at)]
    assert [at.champion.version if at.champion else at.killed for at in found] == [
        None,
        "1",
        "2",
        "Gus: alarms",
    ]
