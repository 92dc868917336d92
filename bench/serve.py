"""Governed scores over HTTP beside what else serves a model: one core each, by turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.http_load import Sent, closed_loop, open_loop
from bench.rounds import Found, Goal, judged, load, ratio
from bench.servers import LOAD_CORE, Contender, NotReady, Running, on_core, running

HEADWAY, AFTERNOON, STARLETTE = "headway", "afternoon", "empty_starlette"
CONNECTIONS = 64
SECONDS, OPEN_SECONDS, WARM_SECONDS = 2.0, 5.0, 1.0
GOALS = {
    "serve_vs_mlserver": Goal(at_least=5),
    "serve_vs_bentoml": Goal(at_least=10),
    "serve_vs_mlflow": Goal(at_least=50),
    "serve_vs_afternoon": Goal(at_least=8),
    "serve_vs_empty_starlette": Goal(at_least=0.4),
    "p99_ms_half_saturation": Goal(below=10),
    "ready_seconds": Goal(below=2),
    "resident_mb": Goal(below=200),
}
Say = Callable[[str], None]


def measure(
    contenders: Sequence[Contender],
    skipped: dict[str, str],
    folder: Path,
    rounds: int,
    how: str,
    say: Say,
) -> Found:
    """Run all contenders at once, measure them by turns, and hold Headway against each.

    Args:
        contenders: Headway first.
        skipped: why others could not take part.
    """
    began = load()
    with ExitStack() as stack, on_core(LOAD_CORE):
        started = []
        for contender in contenders:
            say(f"starting {contender.name}")
            try:
                one = stack.enter_context(running(contender, folder))
                one.check()
            except NotReady as error:
                skipped[contender.name] = str(error)
            else:
                started.append(one)
        say(f"{rounds} rounds of {CONNECTIONS} connections")
        sent = _by_turns(started, rounds)
        say("latency at half of what each can do")
        half = {name: _at_half(one, sent[name]) for name, one in _named(started).items()}
        figures = _figures(started, sent, half)
    ratios, spread = _ratios(sent)
    late = figures.get(f"{AFTERNOON}_p50_ms")
    goals = GOALS if late is None else GOALS | {"p99_ms_half_saturation": Goal(below=min(10, late))}
    return Found(
        ratios=ratios,
        spread=spread,
        figures=figures,
        rounds=rounds,
        how=how,
        goals=judged(goals, ratios | figures),
        load=began,
        skipped=skipped,
    )


def _named(started: Sequence[Running]) -> dict[str, Running]:
    return {one.contender.name: one for one in started}


def _by_turns(started: Sequence[Running], rounds: int) -> dict[str, list[Sent]]:
    for one in started:
        closed_loop(one.contender.target, CONNECTIONS, WARM_SECONDS)
    sent: dict[str, list[Sent]] = {one.contender.name: [] for one in started}
    for _ in range(rounds):
        for one in started:
            found = closed_loop(one.contender.target, CONNECTIONS, SECONDS)
            sent[one.contender.name].append(found)
    return sent


def _at_half(one: Running, sent: Sequence[Sent]) -> Sent:
    half = statistics.median(each.per_second for each in sent) / 2
    return open_loop(one.contender.target, CONNECTIONS, OPEN_SECONDS, half)


def _ratios(
    sent: dict[str, list[Sent]],
) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    ratios, spread = {}, {}
    ours = [each.per_second for each in sent[HEADWAY]]
    for name, theirs in sent.items():
        if name != HEADWAY:
            key = f"serve_vs_{name}"
            ratios[key], spread[key] = ratio(ours, [max(s.per_second, 1e-9) for s in theirs])
    return ratios, spread


def _figures(
    started: Sequence[Running], sent: dict[str, list[Sent]], half: dict[str, Sent]
) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, each in sent.items():
        found[f"{name}_per_second"] = statistics.median(s.per_second for s in each)
        found[f"{name}_p50_ms"] = statistics.median(s.p50_ms for s in each)
        found[f"{name}_p99_ms"] = statistics.median(s.p99_ms for s in each)
        found[f"{name}_failed"] = sum(s.failed for s in each) + half[name].failed
        found[f"{name}_p50_ms_half_saturation"] = half[name].p50_ms
        found[f"{name}_p99_ms_half_saturation"] = half[name].p99_ms
    for one in started:
        found[f"{one.contender.name}_ready_seconds"] = one.ready_seconds
        found[f"{one.contender.name}_resident_mb"] = one.resident_mb
    for figure in ("p99_ms_half_saturation", "ready_seconds", "resident_mb"):
        found[figure] = found[f"{HEADWAY}_{figure}"]
    return found
