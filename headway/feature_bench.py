"""`headway bench features`: a real Redis for the two that read from it."""

from __future__ import annotations

from pathlib import Path

from bench.features import measure
from bench.rounds import Found
from headway.parts.redis import Redis
from headway.parts.server import Progress


def bench_features(folder: Path, rounds: int, say: Progress) -> Found:
    """Start Redis in `folder`, measure, and stop it again."""
    redis = Redis(folder / "redis")
    redis.start()
    try:
        return measure(redis.url, folder, rounds, say)
    finally:
        redis.stop()
