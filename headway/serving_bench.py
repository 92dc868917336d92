"""`headway bench serve`: an API over a real log, with a real model and a key, and others beside it.

The stream's worker does not run meanwhile: it would take what the load needs. Everything that the
API itself does is done, down to the outbox that a worker would empty.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.contenders import Case, peers
from bench.http_load import Target, request
from bench.rounds import Found
from bench.serve import CONNECTIONS, HEADWAY, measure
from bench.servers import LOAD_CORE, Contender, on_core
from features.names import join_key
from features.online import FeastStates
from features.store import apply, export, open_feature_store
from firm.access import Caller, roles_of
from firm.decision import Person
from firm.errors import HeadwayError
from firm.events import Position
from firm.live import Live
from firm.react import Arrival, react
from firm.states import States, known_as_of
from firm.store import SqlStore
from firm.time import to_datetime, to_micros
from headway.catalogue import canonicaliser, declared, workflow_named
from headway.clock import now
from headway.demo.logs import LOGS
from headway.governance import Governance
from headway.keys import make_key
from headway.lifecycle import train_version
from headway.logs import find_log, outgoing
from headway.parts import Parts, free_port
from headway.progress import Progress
from headway.schemas import make_schemas, schema_url
from headway.settings import Settings
from stream.topics import EVENTS
from training.registered import RegisteredVersion

LOG, WORKFLOW = "capital_projects", "delivery_risk"
MOST_SUBJECTS = 200


class TooFewCores(HeadwayError):
    """The servers and the load cannot be kept apart."""

    kind = "too-few-cores"


def bench_serving(settings: Settings, rounds: int, progress: Progress) -> Found:
    """Bring everything up, measure, and stop it again."""
    if (os.cpu_count() or 1) < 2:
        raise TooFewCores("this benchmark needs two cores: one for a server, one for the load")
    with ExitStack() as stack:
        stack.enter_context(on_core(LOAD_CORE))
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="headway-bench-")))
        firm = stack.enter_context(_Firm(settings, folder / "home", progress))
        case, times = firm.case(folder / "feast")
        others, skipped = peers(case, _Ports(), settings.cache_folder, folder)
        contenders = [firm.contender(case, times), *others]
        return measure(contenders, skipped, folder, rounds, _how(case), progress.say)


class _Ports(dict[str, int]):
    """A free port for whoever asks for one."""

    def __missing__(self, name: str) -> int:
        return self.setdefault(name, free_port())


class _Log:
    """A log in memory (implements `firm.ports.EventLog`)."""

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        self._arrivals = arrivals

    def read(self) -> Iterator[Arrival]:
        return iter(self._arrivals)


class _Firm(ExitStack):
    """Kafka, PostgreSQL and Redis with what a log has brought about, and a model that is live."""

    def __init__(self, settings: Settings, home: Path, progress: Progress) -> None:
        super().__init__()
        parts = Parts.start(home, cache=settings.cache_folder, on_progress=progress.say)
        self.enter_context(parts)
        unlimited = {"rate_limit": "1000000/second"}
        kept = settings.model_copy(update={"home": home, "developer": False, **unlimited})
        self._settings = kept.at(parts.addresses)
        self._workflow = workflow_named(WORKFLOW)
        database = self._settings.database or ""
        make_schemas(database)
        self._store = SqlStore(database, self._settings.audit_key())
        self.callback(self._store.close)
        self._store.migrate()
        progress.say(f"folding {LOG} and training on it")
        arrivals = _arrivals()
        self._states = self._fold(arrivals)
        self._version = self._live_version(_Log(arrivals))

    def case(self, feast: Path) -> tuple[Case, list[int]]:
        """What all are asked, and as of when Headway is: as of each subject's newest event, for
        which the store has the features too."""
        workflow, states, found = self._workflow, self._states, []
        for state in states.subjects.values():
            at = state.event_time
            row = workflow.row(known_as_of(workflow, state.subject, state, states.groups, at))
            if None not in row:
                found.append((state.subject, row, at))
        subjects, rows, times = zip(*sorted(found)[:MOST_SUBJECTS], strict=True)
        self._tell_feast(feast)
        case = Case(
            model=self._version.path,
            names=workflow.feature_names,
            subjects=subjects,
            rows=rows,
            scores=self._version.scorer(workflow).predict(rows),
            feast=feast,
            view=workflow.slug,
            join_key=join_key(workflow.subject),
        )
        return case, list(times)

    def contender(self, case: Case, times: Sequence[int]) -> Contender:
        """A process of the API as `headway up` starts it, with all that it has to do."""
        settings = self._settings.model_copy(update={"port": free_port()})
        caller = Caller("bench", roles_of(["enterprise_integration"]))
        token = make_key(settings, self._store, caller, by="bench")
        path, headers = f"/v1/workflows/{case.view}/score", {"Authorization": f"Bearer {token}"}
        bodies = [
            json.dumps({"subject": subject, "as_of": to_datetime(at).isoformat()}).encode()
            for subject, at in zip(case.subjects, times, strict=True)
        ]
        return Contender(
            name=HEADWAY,
            arguments=[sys.executable, "-m", "headway", "serve"],
            environment=settings.environment(),
            ready="/health/live",
            target=Target(settings.port, [request(path, body, headers) for body in bodies]),
            expected=case.scores,
            read=lambda body: float(json.loads(body)["probability"]),
        )

    def _fold(self, arrivals: Sequence[Arrival]) -> States:
        opened = self._store.open_stream(self._workflow)
        effects = react(self._workflow, arrivals, opened.states, Live(), now())
        opened.commit(effects, {0: arrivals[-1].position.offset}, EVENTS)
        online = FeastStates(self._settings.redis or "")
        online.write(self._workflow, effects.subjects, effects.groups)
        return opened.states

    def _live_version(self, log: _Log) -> RegisteredVersion:
        settings, cut = self._settings, to_micros(LOGS[LOG].cut)
        trained = train_version(settings, self._workflow, cut, by="bench-scientist", log=log)
        scientist = Person("bench-scientist", frozenset({"data_scientist"}))
        reviewer = Person("bench-reviewer", frozenset({"governance_reviewer"}))
        governance = Governance(settings, self._store)
        version = trained.version.version
        asked = governance.propose(WORKFLOW, version, scientist, "to be measured")
        governance.agree(WORKFLOW, asked.id, reviewer, "to be measured")
        return trained.version

    def _tell_feast(self, folder: Path) -> None:
        redis, registry = (
            self._settings.redis or "",
            schema_url(self._settings.database or "", "feast"),
        )
        store = open_feature_store(redis, registry, self._settings.offline_folder)
        apply([self._workflow], store)
        export(store, redis, folder)


def _arrivals() -> list[Arrival]:
    """The events of the log that concern the workflow."""
    file, mapping = find_log(LOG)
    canonical, workflow = canonicaliser(declared()), workflow_named(WORKFLOW)
    events = [
        canonical.event(one.payload, now()) for one in outgoing(file, mapping, canonical, now())
    ]
    concerned = [event for event in events if workflow.folds(event)]
    return [Arrival(event, Position(0, offset)) for offset, event in enumerate(concerned)]


def _how(case: Case) -> str:
    return (
        f"POST of one subject over {CONNECTIONS} kept connections in closed loop, medians of "
        "ratios of rounds by turns; servers on one core, load, PostgreSQL, Redis and Kafka on "
        f"another; the model of {WORKFLOW} ({len(case.names)} features) trained on {LOG}; "
        f"{len(case.subjects)} subjects without missing values, the same scores (1e-6) checked "
        "first. Headway checks an API key, reads the features by id, computes them as of an "
        "instant, and records each decision durably in the audit chain before it answers; "
        "afternoon reads the features by id with Feast's SDK and records nothing; MLflow, "
        "MLServer and BentoML get the features in the body and record nothing; feast only reads "
        "features; the empty ones do nothing. Latency at half of each one's own throughput, open "
        "loop"
    )
