"""What a challenger costs the champion: its median latency with one in the shadow and without, by
turns, at a steady pace."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from bench.load import Load
from bench.rounds import Found, Goal, judged, load

GOALS = {"shadow_p50": Goal(below=1.05)}
SECONDS = 6.0
SETTLE_SECONDS = 3.0
"""Of each turn, before it counts: whoever is in the shadow has begun then, or has ended."""
HOW = (
    "scores by HTTP at {pace:g} a second, each recorded before its answer, {seconds:g} s a turn; "
    "the ratio is that of the medians of two neighbouring turns, its median over the rounds"
)


def measure(
    url: str,
    bodies: Sequence[bytes],
    headers: Mapping[str, str],
    watch: Callable[[bool], None],
    rounds: int,
    pace: float,
) -> Found:
    """Take turns without and with a challenger.

    Args:
        watch: puts a challenger into the shadow, or takes it away.
    """
    begun = load()
    without, beside = list[float](), list[float]()
    for _ in range(rounds):
        for watched, found in ((False, without), (True, beside)):
            watch(watched)
            found.append(_median_ms(url, bodies, headers, pace))
    watch(False)
    ratios = sorted(b / a for a, b in zip(without, beside, strict=True))
    figures = {"shadow_p50": round(statistics.median(ratios), 3)}
    return Found(
        ratios=figures,
        spread={"shadow_p50": (round(ratios[0], 3), round(ratios[-1], 3))},
        figures={
            "champion_p50_ms": round(statistics.median(without), 2),
            "champion_beside_challenger_p50_ms": round(statistics.median(beside), 2),
        },
        rounds=rounds,
        how=HOW.format(pace=pace, seconds=SECONDS),
        goals=judged(GOALS, figures),
        load=begun,
    )


def _median_ms(url: str, bodies: Sequence[bytes], headers: Mapping[str, str], pace: float) -> float:
    with Load([url], bodies, headers, pace) as sent:
        time.sleep(SETTLE_SECONDS)
        start = time.time()
        time.sleep(SECONDS)
    counted = [one for one in sent.answers if one.sent_at >= start]
    failed = sum(one.status != 200 for one in counted)
    if failed or not counted:
        raise RuntimeError(f"{failed} of {len(counted)} requests failed")
    return statistics.median(one.seconds for one in counted) * 1_000
