"""Where training keeps its rows, and on what it fits, by the options of `headway train`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from headway.settings import Settings

if TYPE_CHECKING:
    from training.source import Replays


@contextmanager
def replays_by(
    settings: Settings, in_files: bool, on: str | None, say: Callable[[str], None]
) -> Iterator[Replays]:
    """In memory; in files of the home folder; or there too, fitted on the cluster at an address.
    `say` is told how a log is replayed into files."""
    from training.source import in_memory  # noqa: PLC0415  (imports XGBoost)

    if on is None and not in_files:
        yield in_memory
        return
    from training.external import fit_external  # noqa: PLC0415  (imports XGBoost)
    from training.sampled import in_files as replay_in_files  # noqa: PLC0415  (imports XGBoost)

    folder = settings.home.resolve() / "rows"
    if on is None:
        yield partial(replay_in_files, folder, fit_external, say=say)
        return
    from training.distributed import fitting_on  # noqa: PLC0415  (imports Dask)

    with fitting_on(on) as fits:
        yield partial(replay_in_files, folder, fits, say=say)
