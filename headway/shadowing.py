"""A copy for the benchmark of shadows: a real log, a model, and the same model as challenger."""

from __future__ import annotations

import json
import time
from pathlib import Path

import msgspec

from bench.rounds import Found
from bench.shadow import measure
from firm.access import ROLES, Caller
from firm.decision import Person
from firm.time import to_micros
from headway.catalogue import canonicaliser, declared, workflow_named
from headway.clock import now
from headway.copy import Copy
from headway.demo.logs import LOGS
from headway.governance import Governance
from headway.keys import make_key
from headway.lifecycle import train_version
from headway.logs import find_log, outgoing
from headway.parts.server import Progress
from headway.replay import send, wait_until_taken
from headway.settings import Settings
from headway.swap import wait_until_served

LOG, SLUG = "capital_projects", "delivery_risk"
KEY_SECONDS = 2.0
"""Until the API knows a new key."""


def measure_shadow(home: Path, rounds: int, pace: float, say: Progress) -> Found:
    """Bring a copy up, train and promote, and take turns with a challenger and without."""
    file, mapping = find_log(LOG)
    workflow = workflow_named(SLUG)
    with Copy.start(Settings(home=home), say) as copy:
        say(f"replaying {LOG}")
        events = outgoing(file, mapping, canonicaliser(declared()), now())
        end = send(copy.settings.kafka or "", events, lambda _: None)
        wait_until_taken(copy.store, SLUG, 0, end, lambda _: None)
        say("training")
        cut = to_micros(LOGS[LOG].cut)
        version = train_version(copy.settings, workflow, cut, "trainer").version.version
        governance = Governance(copy.settings, copy.store)
        scientist = Person("scientist", frozenset({"data_scientist"}))
        asked = governance.propose(SLUG, version, scientist, "for the benchmark")
        reviewer = Person("reviewer", frozenset({"governance_reviewer"}))
        governance.agree(SLUG, asked.id, reviewer, "for the benchmark")
        wait_until_served(copy.store, SLUG)

        def watch(watched: bool) -> None:
            say(f"scoring {'beside a challenger' if watched else 'alone'}")
            if watched:
                governance.shadow(SLUG, version, scientist, "for the benchmark")
            elif governance.standing(SLUG).challenger is not None:
                governance.end(SLUG, "challenger", scientist.name, "for the benchmark")

        subjects = sorted({one.subject for one in copy.store.decisions(SLUG)})
        bodies = [json.dumps({"subject": subject}).encode() for subject in subjects]
        token = make_key(copy.settings, copy.store, Caller("benchmark", ROLES), by="benchmark")
        time.sleep(KEY_SECONDS)
        url = f"{copy.api_url}/v1/workflows/{SLUG}/score"
        headers = {"Authorization": f"Bearer {token}"}
        found = measure(url, bodies, headers, watch, rounds, pace)
        scored = sum(1 for _ in copy.store.shadowed(SLUG, version))
        figures = {**found.figures, "scored_in_the_shadow": float(scored)}
        return msgspec.structs.replace(found, figures=figures)
