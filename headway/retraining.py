"""Trains candidates on the cycle that each workflow declares; to promote one is for people."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from firm.errors import HeadwayError
from firm.promotion import Registration
from firm.time import DAY, Micros
from firm.workflow import Workflow
from headway.catalogue import declared
from headway.clock import now
from headway.commands import Found, open_store, train_workflow
from headway.progress import Progress
from headway.settings import Settings

TRAINER = "retraining"
"""Who trains on schedule, as the registry names it."""


def due(
    workflows: Iterable[Workflow], trained: Callable[[str], Sequence[Registration]], at: Micros
) -> list[Workflow]:
    """Those with a declared cycle whose newest version is as old as that, or that have none."""
    found = []
    for workflow in workflows:
        days = workflow.model.retrain_days
        last = max((one.at for one in trained(workflow.slug)), default=None)
        if days is not None and (last is None or at - last >= days * DAY):
            found.append(workflow)
    return found


def train_due(settings: Settings, by: str, progress: Progress) -> Found:
    """Train a candidate of each workflow that is due. One that cannot be trained yet is named with
    the reason, and keeps no other from being trained."""
    found: Found = {}
    with closing(open_store(settings)) as store:
        waiting = due(declared().values(), store.registrations, now())
    for workflow in waiting:
        progress.say(f"{workflow.slug} is due")
        try:
            found[workflow.slug] = train_workflow(settings, workflow.slug, None, by, 0, progress)
        except HeadwayError as error:
            found[workflow.slug] = {"not trained": str(error)}
    return found


def run(hours: float) -> None:
    """Train what is due every so many hours, each time in a process of its own, so that none of
    the memory that training takes is held in between."""
    command = [sys.executable, "-m", "headway", "train", "--due", "--by", TRAINER, "--json"]
    while True:
        time.sleep(hours * 3600)
        subprocess.run(command, check=False)  # noqa: S603 - our own program; it logs why it fails
