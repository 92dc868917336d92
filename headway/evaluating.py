"""What `headway evaluate` does: a log in a file, replayed and judged without any server."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from firm.errors import HeadwayError, NoRule
from firm.mapping import LogMapping, check_facts, read_mapping
from firm.react import Arrival
from firm.time import DAY, to_datetime, to_micros
from firm.workflow import Workflow
from headway.catalogue import canonicaliser, declared, facts_of, mapping_files, workflow_named
from headway.clock import now
from headway.files import columns_of
from headway.logs import Taken, UnknownLog, take_in
from headway.progress import Progress
from training.card import figures
from training.evaluate import Evaluation, Every, evaluate
from training.quality import Quality
from training.ranking import Looks
from training.replay import Replayed, replay_whole

Found = dict[str, Any]
HOURS = {"h": 1, "d": 24, "w": 168}


class NotUnderstood(HeadwayError):
    """An option says something that has no meaning here."""

    kind = "not-understood"


def evaluate_workflow(
    slug: str,
    file: Path,
    mapping: Path | None,
    cut: datetime,
    retrain: str | None,
    progress: Progress,
) -> Found:
    """Judge a workflow on a log as if it had been live from the cut on."""
    begun, workflow, every = time.monotonic(), workflow_named(slug), every_(retrain)
    moment = to_micros(cut.replace(tzinfo=cut.tzinfo or UTC))
    chosen = mapping_for(workflow, file, mapping)
    check_facts(chosen, facts_of(declared()))
    taken = _read(file, chosen, progress)
    looks = Looks(workflow, moment)
    replayed = _replay(workflow, taken, progress, looks)
    judged = int((replayed.rows.after(moment).labelled().as_of >= moment).sum())
    with progress.stage("training and scoring", judged) as step:
        found = evaluate(workflow, replayed, moment, every, step, looks)
    return {
        "workflow": slug,
        "log": str(file),
        "mapping": chosen.name,
        "cut": to_datetime(moment).isoformat(),
        "retrain": retrain,
        **_in_figures(found),
        "records": taken.records,
        "events": len(taken.arrivals),
        "repeated": taken.repeated,
        "refused": taken.refused,
        "refused_examples": taken.examples,
        "seconds": round(time.monotonic() - begun, 1),
    }


def every_(words: str | None) -> Every:
    """`7d`, `12h` or `2w` as microseconds; `each` and None as they are."""
    if words is None:
        return None
    if words == "each":
        return "each"
    match = re.fullmatch(r"([1-9][0-9]*)([hdw])", words)
    if match is None:
        raise NotUnderstood(f"--retrain takes a time like 7d, 12h or 2w, or each; got {words!r}")
    return int(match[1]) * HOURS[match[2]] * DAY // 24


def mapping_for(workflow: Workflow, file: Path, named: Path | None) -> LogMapping:
    """The mapping that was named; else the one beside the file, or the one that feeds the workflow
    and reads no column that the file lacks; of several, the one that has the workflow's name.

    Raises:
        UnknownLog: there is none, or there are several.
    """
    if not file.is_file():
        raise UnknownLog(f"there is no file {file}")
    if named is not None or (file.parent / "mapping.toml").is_file():
        return read_mapping(_existing(named or file.parent / "mapping.toml"))
    known = {name: read_mapping(path) for name, path in mapping_files().items()}
    feeding = {name: m for name, m in known.items() if _feeds(m, workflow)}
    fitting = {name: m for name, m in feeding.items() if m.columns <= columns_of(file, m)}
    likeliest = fitting or feeding  # of the only one, whoever reads the file says what it lacks
    if len(likeliest) == 1 or workflow.slug in fitting:
        return fitting.get(workflow.slug) or next(iter(likeliest.values()))
    raise UnknownLog(
        f"of the mappings {sorted(feeding)} that feed {workflow.slug}, {sorted(fitting)} read "
        f"columns that {file} has; name one with --mapping FILE"
    )


def _existing(file: Path) -> Path:
    if not file.is_file():
        raise UnknownLog(f"there is no mapping file {file}")
    return file


def _feeds(mapping: LogMapping, workflow: Workflow) -> bool:
    return bool({rule.fact for rule in mapping.event} & {fact.type for fact in workflow.facts})


def _read(file: Path, mapping: LogMapping, progress: Progress) -> Taken:
    with progress.stage(f"reading {file.name}", None) as step:
        taken = take_in(file, mapping, canonicaliser(declared()), now(), step)
    _require_fit(taken, file, mapping)
    return taken


def _require_fit(taken: Taken, file: Path, mapping: LogMapping) -> None:
    """Raise UnknownLog if the mapping reads no record, or misreads more of them than it reads: of
    dates in another order of day and month it would take the few that happen to exist."""
    wrong = sum(number for kind, number in taken.refused.items() if kind != NoRule.kind)
    if taken.arrivals and wrong < len(taken.arrivals):
        return
    examples = "; ".join(taken.examples.values())
    raise UnknownLog(
        f"mapping {mapping.name!r} does not fit {file}: of its {taken.records:,} records "
        f"{len(taken.arrivals):,} became an event and {wrong:,} have values that it cannot read. "
        f"{examples}"
    )


def _replay(workflow: Workflow, taken: Taken, progress: Progress, looks: Looks) -> Replayed:
    with progress.stage("replaying", len(taken.arrivals)) as step:
        return replay_whole(workflow, _counted(taken.arrivals, step), looks)


def _counted(arrivals: Iterable[Arrival], step: Any) -> Iterator[Arrival]:
    for arrival in arrivals:
        yield arrival
        step(1)


def _in_figures(found: Evaluation) -> Found:
    return {
        "quality": _figures(found.quality),
        "steps": {name: _figures(q) for name, q in found.steps.items()},
        "slices": {
            kind: {name: _figures(q) for name, q in slices.items()}
            for kind, slices in found.slices.items()
        },
        "trained_on": {
            "rows": found.learnt.rows,
            "known": found.known,
            "estimated": found.learnt.rows - found.known,
            "trainings": found.trainings,
            "fingerprint": found.learnt.sha256,
        },
        "not_judged": found.open,
        "ranking": _rounded(msgspec.structs.asdict(found.ranking)) if found.ranking else None,
    }


def _figures(quality: Quality) -> dict[str, float | None]:
    found = figures(quality)
    found["ece"] = found.pop("calibration_error")
    return _rounded(found)


def _rounded(found: Mapping[str, float | None]) -> dict[str, float | None]:
    return {name: None if v is None else round(v, 5) for name, v in found.items()}
