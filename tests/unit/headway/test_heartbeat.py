"""An event loop that moves is told from one that stands, and from a process that has ended well."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from headway import heartbeat
from headway.heartbeat import Heartbeat


def test_a_loop_beats_while_it_moves_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.001)
    heart = Heartbeat(tmp_path / "serve")
    assert heart.silence is None

    async def move() -> None:
        async with heart.beating(60):
            time.sleep(0.05)
            assert heart.silence is not None
            stood = heart.silence
            async with asyncio.timeout(30):
                while heart.silence >= stood:
                    await asyncio.sleep(0.001)

    asyncio.run(move())
    assert heart.silence is None


def test_what_holds_up_the_loop_is_in_the_log(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async def stand() -> None:
        async with Heartbeat(tmp_path).beating(0.05):
            time.sleep(0.5)

    asyncio.run(stand())
    assert "in stand" in capfd.readouterr().err
