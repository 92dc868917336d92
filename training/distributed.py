"""The declared model fitted by the workers of a Dask cluster, each on the months it was given.

Workers run this package and see the folder of the rows under the same path. Dask sends tasks as
pickles: use a cluster of your own, on a network of your own or with its TLS.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import dask.dataframe as dd
import numpy as np
import pandas as pd
import xgboost.dask
from dask.distributed import Client

from firm.errors import CannotTrain
from firm.workflow import Workflow
from training.external import as_seen, finish, max_bin, prepare
from training.fit import Fitted
from training.material import Fits, Material
from training.offset import Offset
from training.rehearsal import Rehearsed

PATIENCE = "10s"
OUTCOME, WEIGHT, MARGIN = "outcome:", "weight:", "margin:"
"""Columns beside the features; no feature can be named so."""


@contextmanager
def fitting_on(address: str) -> Iterator[Fits]:
    """A way to fit on the cluster whose scheduler listens at the address (`tcp://host:port`).

    Raises:
        CannotTrain: nothing answers there, or the cluster has no worker.
    """
    with _connected(address) as client:
        yield partial(_fit, client)


@contextmanager
def _connected(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise CannotTrain(
            f"no Dask scheduler answers at {address} ({error}); start one with `dask scheduler`, "
            "and workers with `dask worker ADDRESS`"
        ) from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise CannotTrain(
                f"the Dask cluster at {address} has no worker: start some with `dask worker "
                f"{address}` where this package is installed and the rows can be read"
            )
        yield client


def _fit(
    client: Client, workflow: Workflow, material: Material, rehearsed: Rehearsed | None = None
) -> Fitted:
    prepared = prepare(workflow, material, rehearsed)
    frame = dd.from_map(  # type: ignore[no-untyped-call]
        partial(_load, material, prepared.offset), material.months(), meta=_frame(material, [])
    )
    data = xgboost.dask.DaskQuantileDMatrix(
        client,
        frame[list(material.names)],
        frame[OUTCOME],
        weight=None if prepared.offset is None else frame[WEIGHT],
        base_margin=None if prepared.offset is None else frame[MARGIN],
        max_bin=max_bin(prepared.parameters),
    )
    found = xgboost.dask.train(
        client, prepared.parameters, data, num_boost_round=prepared.rounds, verbose_eval=False
    )
    return finish(prepared, found["booster"])


def _load(material: Material, offset: Offset | None, month: str) -> pd.DataFrame:
    seen = (as_seen(part, offset) for part in material.month(month))
    return _frame(material, list(seen))


def _frame(material: Material, seen: list[dict[str, np.ndarray]]) -> pd.DataFrame:
    features = [np.empty((0, len(material.names)), np.float32), *(some["data"] for some in seen)]
    frame = pd.DataFrame(np.concatenate(features), columns=list(material.names))
    outcomes = [some["label"] for some in seen]
    weights = [some.get("weight", np.ones(len(some["label"]))) for some in seen]
    margins = [some.get("base_margin", np.zeros(len(some["label"]))) for some in seen]
    return frame.assign(
        **{
            OUTCOME: np.concatenate([np.empty(0), *outcomes]),
            WEIGHT: np.concatenate([np.empty(0), *weights]),
            MARGIN: np.concatenate([np.empty(0), *margins]),
        }
    )
