"""Fairness through all rooms: from the vault over training and promotion to live rankings."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from firm.decision import RULE_VERSION, Person
from firm.errors import GateFailed, NotAllowed
from firm.events import Event, ScoreRequested
from firm.fairness import FAIRNESS_GATE
from firm.ids import EventId
from firm.ports import Scorer
from firm.promotion import Proposal, Registration
from firm.react import Arrival, react
from firm.store import SqlStore
from firm.time import DAY
from firm.workflow import Gates, ModelSpec, Workflow
from headway.cli import app
from headway.fairness.job import FairnessJob, open_vault
from headway.governance import Governance
from headway.lifecycle import open_registry, train_version
from headway.models import LiveModels, open_models
from headway.settings import Settings
from stream.topics import EVENTS
from tests.unit.firm.samples import NOW, arriving
from tests.unit.workflows.tickets import START, changed
from tests.versions import REVIEWER, SCIENTIST, promote, promote_before, settings_of
from training.fairness import evidence
from training.registered import RegisteredVersion
from training.selection import Sampled, Selection
from training.train import TrainingReport
from workflows.staffing_fit import WORKFLOW as DECLARED

pytestmark = [
    # MLflow's tables ask SQLAlchemy for a loader that a later release drops.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    # MLflow complains of its own type hints, the first time that it is imported.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]
SLUG = DECLARED.slug
FIELDS: dict[str, Any] = {name: getattr(DECLARED, name) for name in Workflow.model_fields}
EASY = ModelSpec(
    parameters={"eta": 0.3, "max_depth": 3}, rounds=10, gates=Gates(auc=0.0, least_rows=10)
)
WORKFLOW = Workflow(**FIELDS | {"model": EASY})
"""The declared workflow, with gates that a small log can pass."""
TEAMS = [f"team-{n:02d}" for n in range(24)]
GOOD = frozenset(TEAMS[::2])
"""Tickets stay with every other team."""
DAYS = 36
CUT = START + DAYS * DAY
HR = Person("Hanna", frozenset({"hr"}))
SEX, AGES = ("women", "men"), ("under 40", "40 or over")


def log() -> list[Event]:
    """Ten tickets a day; the good teams keep theirs, the others pass them on."""
    luck, events = random.Random(1), []  # noqa: S311  (not for secrets)
    for number in range(DAYS * 10):
        day, first = number / 10, luck.choice(TEAMS)
        keeps = luck.random() < (0.95 if first in GOOD else 0.4)
        last = first if keeps else luck.choice(TEAMS)
        said = {"category": f"C{number % 4}", "ticket": f"{number}"}
        events += [
            changed(f"{number}.0", day, "New", group=first, opened=day, **said),
            changed(
                f"{number}.1",
                day + 0.3,
                "Closed",
                group=last,
                reassignments=int(not keeps),
                opened=day,
                **said,
            ),
        ]
    return sorted(events, key=lambda event: (event.occurred_at, event.id))


class Log:
    """The log, as something to read."""

    def __init__(self, events: list[Event]) -> None:
        self._arrivals = arriving(*events)

    def read(self) -> Iterator[Arrival]:
        return iter(self._arrivals)


class Copy:
    """A copy on files, on which two versions were trained: of the same log, once while the good
    teams are those of men, once while sex has nothing to do with it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings = settings_of(home, database=f"sqlite:///{home}/headway.db")
        self.store = SqlStore(self.settings.database or "", self.settings.audit_key())
        self.store.migrate()
        self.governance = Governance(self.settings, self.store)
        self.vault = open_vault(self.settings, self.store)
        self.put({team: {"sex": SEX[team in GOOD], "age": ages(n)} for n, team in enumerate(TEAMS)})
        self.unfair = self.train()
        self.unfair_in_files = self.train(in_files=True)
        self.put({team: {"sex": SEX[n // 2 % 2]} for n, team in enumerate(TEAMS)})
        self.fair = self.train()

    def put(self, people: dict[str, dict[str, str]]) -> None:
        for n, team in enumerate(TEAMS):
            people[team].setdefault("age", ages(n))
        self.vault.put(WORKFLOW, people, HR, NOW)

    def train(self, in_files: bool = False) -> TrainingReport:
        log: Any = Log(EVENTS_OF_LOG)
        return train_version(self.settings, WORKFLOW, CUT, "ada", log=log, in_files=in_files)

    def figures(self, version: RegisteredVersion) -> dict[str, float]:
        """Of fairness, as they are kept with the version."""
        metrics = open_registry(self.settings)._client.get_run(version.run).data.metrics
        return {name: of for name, of in metrics.items() if name.startswith("fairness/")}

    def kept(self, version: RegisteredVersion) -> Path:
        return next(self.settings.artifacts.rglob(f"{version.run}/artifacts"))

    def say(self, *words: str) -> Result:
        return CliRunner().invoke(app, list(words))


EVENTS_OF_LOG = log()


def ages(n: int) -> str:
    return AGES[n // 4 % 2]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    made = Copy(tmp_path_factory.mktemp("fairness"))
    yield made
    made.store.close()


@pytest.fixture
def environment(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in copy.settings.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEADWAY_KAFKA", "nobody:1")
    monkeypatch.setenv("HEADWAY_REDIS", "redis://nobody:1/0")


def failed(report: TrainingReport) -> str:
    return "; ".join(str(gate) for gate in report.gates if not gate.passed)


def test_a_version_fails_while_nothing_is_on_record_or_nobody_judges_it(
    copy: Copy, tmp_path: Path
) -> None:
    empty = open_vault(Settings(home=tmp_path), copy.store)
    seen = Selection(1, ("A",), *np.ones((3, 1), np.int64), (), np.empty((1, 0)))
    (gate,) = FairnessJob(empty)(WORKFLOW, seen, tmp_path).gates
    assert "no protected attributes are on record for staffing_fit" in str(gate)
    nobody = evidence(WORKFLOW, Sampled(WORKFLOW, CUT), None, None, tmp_path).gates  # type: ignore[arg-type]
    assert [one.passed for one in (gate, *nobody)] == [False, False]


def test_a_version_whose_features_stand_in_for_an_attribute_fails_and_they_are_named(
    copy: Copy,
) -> None:
    said = failed(copy.unfair)
    assert FAIRNESS_GATE in said
    assert re.search(r"sex is told by \w+ \(AUC 0\.[89]|sex is told by .*AUC 1\.00", said), said
    assert "sex women: shown" in said
    assert "age" not in said


def test_the_same_version_passes_where_it_treats_people_alike(copy: Copy) -> None:
    assert failed(copy.fair) == ""
    assert copy.fair.version.gates_passed


def test_it_cannot_be_promoted_by_the_command(copy: Copy, environment: None) -> None:
    who = ("--as", "Ben", "--role", "data_scientist", "--why", "better")
    said = copy.say("promote", SLUG, copy.unfair.version.version, *who)
    assert said.exit_code == 1
    assert FAIRNESS_GATE in " ".join(said.stderr.split())


def test_it_cannot_be_promoted_by_the_use_case_behind_http(copy: Copy) -> None:
    with pytest.raises(GateFailed, match=FAIRNESS_GATE):
        copy.governance.propose(SLUG, copy.unfair.version.version, SCIENTIST, "better")


def test_the_reason_is_there_for_whoever_moves_the_alias_in_mlflow(copy: Copy) -> None:
    """`headway.aliases` says why such a move is refused, from what is registered."""
    registered, _ = copy.store.registration(SLUG, copy.unfair.version.version)
    assert any(FAIRNESS_GATE in words for words in registered.failed)


class Record:
    """A record of promotions of its own over the versions of the copy: what somebody made champion
    before, signed but never judged (version 99) or judged and found wanting."""

    def __init__(self, copy: Copy, file: Path) -> None:
        self.settings = copy.settings.model_copy(update={"database": f"sqlite:///{file}"})
        self.store = SqlStore(self.settings.database or "", self.settings.audit_key())
        self.store.migrate()
        self.governance = Governance(self.settings, self.store)
        self.fair, self.unfair = (
            copy.store.registration(SLUG, one.version.version)[0]
            for one in (copy.fair, copy.unfair)
        )
        gates = {name: of for name, of in self.fair.gates.items() if name != FAIRNESS_GATE}
        self.old = msgspec.structs.replace(self.fair, version="99", gates=gates)
        for one in (self.fair, self.unfair, self.old):
            self.governance.register(one)

    def before(self, made: Registration, **move: Any) -> None:
        promote_before(self.settings, self.store, made, **move)

    def promote(self, made: Registration) -> None:
        promote(self.governance, made.version, SLUG)

    def champion(self) -> str:
        live = self.governance.standing(SLUG).champion
        return live.version if live else RULE_VERSION

    def models(self) -> LiveModels:
        """What a process that scores has loaded of this record."""
        models = open_models(self.settings, {SLUG: WORKFLOW}, self.store, "stream")
        models.refresh()
        return models


@pytest.fixture
def record(
    copy: Copy, environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Record]:
    made = Record(copy, tmp_path / "headway.db")
    monkeypatch.setenv("HEADWAY_DATABASE", made.settings.database or "")
    yield made
    made.store.close()


def decides(models: LiveModels) -> tuple[str | None, str | None]:
    """The versions of the champion and of the canary."""
    live = models.now(SLUG)
    canary = live.canary.scorer.version if live.canary else None
    return live.champion.version if live.champion else None, canary


def refusals(record: Record) -> list[tuple[Registration, str]]:
    """The versions that must not decide, and the words for it."""
    return [
        (record.old, f"nobody has checked its {FAIRNESS_GATE}"),
        (record.unfair, rf"it has {FAIRNESS_GATE} \(sex women: shown"),
    ]


def test_a_version_that_is_judged_and_agreed_to_by_another_person_goes_live(record: Record) -> None:
    """All the way from the training with the vault to a decision that names the version."""
    number = record.fair.version
    asked = record.governance.propose(SLUG, number, SCIENTIST, "treats people alike")
    for person in (Person("ada", REVIEWER.roles), Person(SCIENTIST.name, REVIEWER.roles)):
        with pytest.raises(NotAllowed, match="somebody else has to agree"):
            record.governance.agree(SLUG, asked.id, person, "mine is fine")
    made = record.governance.agree(SLUG, asked.id, REVIEWER, "figures read")
    assert made.gates[FAIRNESS_GATE] == 0
    assert record.champion() == number
    decide(record.store, record.models().live(SLUG), EVENTS_OF_LOG[:10])
    assert {one.model_version for one in record.store.decisions(SLUG)} == {number}
    assert record.store.verify() > 0


def test_nobody_goes_back_to_a_version_that_was_not_judged_or_found_wanting(
    copy: Copy, record: Record
) -> None:
    for made in (record.old, record.unfair):
        record.before(made)
    record.promote(record.fair)
    for made, why in refusals(record):
        with pytest.raises(GateFailed, match=why):
            record.governance.roll_back(SLUG, made.version, REVIEWER, "as before")
    who = ("--as", "Gus", "--role", "governance_reviewer", "--why", "as before")
    said = copy.say("rollback", SLUG, *who)
    assert (said.exit_code, FAIRNESS_GATE in " ".join(said.stderr.split())) == (1, True)
    assert record.champion() == record.fair.version


def test_no_such_version_becomes_a_canary_also_where_it_was_proposed_before(
    copy: Copy, record: Record
) -> None:
    record.promote(record.fair)
    for made in (record.old, record.unfair):
        with pytest.raises(GateFailed, match=FAIRNESS_GATE):
            record.governance.propose(SLUG, made.version, SCIENTIST, "better", "canary", 0.1)
        who = ("--as", "Ben", "--role", "data_scientist", "--why", "better", "--canary", "0.1")
        said = copy.say("promote", SLUG, made.version, *who)
        assert (said.exit_code, FAIRNESS_GATE in " ".join(said.stderr.split())) == (1, True)
        asked = Proposal(made.version, SLUG, made.version, "canary", 0.1, "ben", "better", 1)
        record.store.propose(asked, "governance")
        with pytest.raises(GateFailed, match=FAIRNESS_GATE):
            record.governance.agree(SLUG, asked.id, REVIEWER, "seen")
    assert record.governance.standing(SLUG).canary is None


@pytest.mark.parametrize("alias", ["canary", "champion"])
def test_no_such_version_is_served_whatever_the_record_says(record: Record, alias: str) -> None:
    """The champion from before goes on alone, and the owner hears why."""
    record.promote(record.fair)
    models = record.models()
    for made, why in refusals(record):
        record.before(made, alias=alias, share=0.5)
        models.refresh()
        assert decides(models) == (record.fair.version, None)
        (said,) = (
            one.alert for one in record.store.alerts(SLUG) if one.alert.version == made.version
        )
        assert re.search(f"^{alias} in stream: .*{why}", said.says)


def test_nor_is_it_brought_back_when_the_kill_switch_is_lifted(record: Record) -> None:
    record.before(record.old)
    record.governance.kill(SLUG, REVIEWER, "stop")
    with pytest.raises(GateFailed, match=f"nobody has checked its {FAIRNESS_GATE}"):
        record.governance.lift(SLUG, REVIEWER, "go on")


def test_a_version_from_before_fairness_was_declared_is_not_proposed(record: Record) -> None:
    with pytest.raises(GateFailed, match=f"nobody has checked its {FAIRNESS_GATE}"):
        record.governance.propose(SLUG, "99", SCIENTIST, "better")


def test_a_challenger_decides_nothing_so_it_may_be_watched_unjudged(record: Record) -> None:
    record.promote(record.fair)
    record.governance.shadow(SLUG, "99", SCIENTIST, "to see")
    assert decides(record.models()) == (record.fair.version, None)


def test_figures_card_and_picture_are_kept_with_the_version(copy: Copy) -> None:
    kept = copy.kept(copy.unfair.version)
    assert (kept / "fairness.png").stat().st_size > 1000
    card = (kept / "model_card.md").read_text()
    assert "## Fairness" in card
    assert (
        "| sex | women | of all that were known, those left out by a rule included | 12 |" in card
    )
    figures = copy.figures(copy.unfair.version)
    assert figures["fairness/findings"] >= 1
    assert figures["fairness/impact_ratio/sex/women/known"] < 0.8
    assert copy.figures(copy.fair.version)["fairness/findings"] == 0


def test_a_version_that_is_trained_from_files_is_judged_as_one_from_memory(copy: Copy) -> None:
    """Of the same rankings, by the same attributes, behind the same gate."""
    report = copy.unfair_in_files
    assert list((copy.home / "rows" / SLUG).rglob("*.parquet"))
    assert FAIRNESS_GATE in failed(report)
    assert "sex women: shown" in failed(report)
    assert not report.version.gates_passed
    registered, _ = copy.store.registration(SLUG, report.version.version)
    assert any(FAIRNESS_GATE in words for words in registered.failed)
    ours, theirs = copy.figures(report.version), copy.figures(copy.unfair.version)
    assert ours == pytest.approx(theirs, abs=0.05)
    exact = ("rankings", "candidates", "proxy_auc/sex", "proxy_auc/age")
    for name in exact:
        assert ours[f"fairness/{name}"] == theirs[f"fairness/{name}"]
    assert (copy.kept(report.version) / "fairness.png").stat().st_size > 1000


def test_only_the_roles_that_may_put_attributes_in(copy: Copy) -> None:
    for person in (SCIENTIST, REVIEWER):
        with pytest.raises(NotAllowed, match="takes one of the roles"):
            copy.vault.put(WORKFLOW, {}, person, NOW)
    with pytest.raises(NotAllowed, match="takes one of the roles"):
        copy.vault.simulate(WORKFLOW, 7, SCIENTIST, NOW)
    with pytest.raises(NotAllowed, match="would hide them"):
        copy.vault.simulate(WORKFLOW, 7, REVIEWER, NOW)


def test_the_audit_log_tells_who_opened_the_vault(copy: Copy) -> None:
    told = [(e["actor"], e["verb"]) for e in copy.store.export() if "vault" in e["verb"]]
    assert ("Hanna", "put attributes into the vault") in told
    assert ("fairness job", "read the vault") in told
    copy.store.verify()


def live(copy: Copy, version: RegisteredVersion) -> None:
    """Take the log in as the stream does, a ranking asked for each fifth ticket."""
    asks = [
        Event(
            EventId(f"ask {event.id}"),
            ScoreRequested.type,
            event.subject,
            event.occurred_at + 1,
            "/tests",
            ScoreRequested(workflow=SLUG),
        )
        for event in EVENTS_OF_LOG
        if event.id.endswith(("0.0", "5.0")) and event.occurred_at > START + 12 * DAY
    ]
    events = sorted([*EVENTS_OF_LOG, *asks], key=lambda event: (event.occurred_at, event.id))
    decide(copy.store, version.scorer(WORKFLOW), events)


def decide(store: SqlStore, scorer: Scorer | None, events: list[Event]) -> None:
    """Take events in as the stream does."""
    opened = store.open_stream(WORKFLOW)
    effects = react(WORKFLOW, arriving(*events), opened.states, scorer, NOW)
    opened.commit(effects, {0: len(events) - 1}, EVENTS)


def test_live_rankings_are_judged_and_a_breach_is_an_alert_to_the_owner(
    copy: Copy, environment: None
) -> None:
    live(copy, copy.unfair.version)
    copy.put({team: {"sex": SEX[team in GOOD]} for team in TEAMS})
    version = copy.unfair.version.version
    said = copy.say("fairness", SLUG, "--version", version, "--days", "30", "--json")
    assert said.exit_code == 0, said.stderr
    found = msgspec.json.decode(said.stdout)
    assert found["rankings"] > 15
    assert found["passed over"] == 0
    assert any("sex women: shown" in words for words in found["findings"])
    assert Path(found["picture"]).stat().st_size > 1000
    (raised,) = copy.store.alerts(SLUG)
    assert (raised.alert.kind, raised.alert.about) == ("adverse-impact", "sex")
    assert raised.alert.owner == WORKFLOW.owner
    assert "headway kill" in raised.alert.todo
    table = copy.say("fairness", SLUG, "--version", version, "--days", "30")
    assert "who is affected" in table.stdout
    none = copy.say("fairness", SLUG, "--version", "77")
    assert "gave no ranking" in none.stderr


def test_nothing_that_is_written_says_who_has_which_attribute(copy: Copy) -> None:
    """No team stands beside a value, in no file, row or artifact; in the vault neither is clear."""
    vault = copy.settings.vault_file
    assert vault.stat().st_mode & 0o077 == 0
    files = [file for file in copy.home.rglob("*") if file.is_file()]
    assert vault in files
    values = "|".join((*SEX, *AGES)).encode()
    near = re.compile(
        rb"team-\d\d[^\n]{0,60}\b(%b)\b|\b(%b)\b[^\n]{0,60}team-\d\d" % (values, values)
    )
    for file in files:
        found = near.search(file.read_bytes())
        assert not found, f"{file}: {found and found.group()!r}"
    clear = re.compile(rb"team-\d\d|\b(%b)\b" % values)
    assert not clear.search(vault.read_bytes())


def test_no_feature_decision_or_event_has_a_place_for_an_attribute(copy: Copy) -> None:
    told = {one.name for one in DECLARED.fairness.attributes} if DECLARED.fairness else set()
    for decision in copy.store.decisions(SLUG):
        assert not told & decision.features.keys()
    for fact in WORKFLOW.facts:
        assert not told & fact.model_fields.keys()


def test_attributes_come_from_a_file_as_a_whole_or_not_at_all(
    copy: Copy, environment: None, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    words = ("vault", "import", SLUG, str(file), "--as", "Hanna", "--role", "hr", "--json")
    file.write_text("candidate,sex,age\nteam-00,women,under 40\nteam-01,secret,\n")
    said = copy.say(*words)
    assert "line 3: sex is none of ['men', 'women']" in " ".join(said.stderr.split())
    assert "secret" not in said.stderr
    file.write_text("candidate,sex,age\nteam-00,women,under 40\nsomebody new,men,\n")
    said = copy.say(*words)
    assert msgspec.json.decode(said.stdout)["on record"] == len(TEAMS) + 1, said.stderr
    file.write_text("candidate,sex\n")
    assert "wrong-people" in copy.say(*words).stderr


def test_simulated_attributes_are_the_same_again_and_say_that_they_are(
    copy: Copy, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path)
    vault = open_vault(settings, copy.store)
    vault.simulate(WORKFLOW, 7, REVIEWER, NOW)
    one, other = (vault.open(WORKFLOW, TEAMS, NOW) for _ in range(2))
    assert one == other
    assert one.source == "simulated, seed 7"
    assert {len(values) for values in one.values.values()} == {len(TEAMS)}
