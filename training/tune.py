"""Searches parameters by walking forward over the rows known at the cut, the same each time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import optuna

from firm.workflow import Workflow
from training.trial import Split, try_out

optuna.logging.set_verbosity(optuna.logging.WARNING)

Ranges = dict[str, tuple[float, float]]
WHOLE: Ranges = {"max_depth": (2, 8), "rounds": (20, 600)}
REAL: Ranges = {
    "eta": (0.01, 0.3),
    "min_child_weight": (1.0, 30.0),
    "subsample": (0.4, 1.0),
    "colsample_bytree": (0.3, 1.0),
    "reg_lambda": (0.1, 100.0),
}
BY_MAGNITUDE = {"rounds", "eta", "min_child_weight", "reg_lambda"}
"""Searched on a logarithmic scale: from 1 to 2 matters as much as from 10 to 20."""


class Tried(msgspec.Struct, frozen=True):
    """One set of parameters and the log loss that it reached on rows it had not seen."""

    parameters: dict[str, float]
    log_loss: float


class Tuned(msgspec.Struct, frozen=True):
    """The workflow with the best parameters found, and all that were tried, in their order."""

    workflow: Workflow
    tried: list[Tried]


def tune(
    workflow: Workflow,
    splits: Sequence[Split],
    trials: int,
    progress: Callable[[int], None] = lambda _: None,
) -> Tuned:
    """Try the declared parameters first and then `trials` - 1 others; the best log loss wins.

    Whoever judges the result has to do so on other rows than these splits hold out.

    Raises:
        CannotTrain: the earlier rows of a split have one outcome only.
    """
    sampler = optuna.samplers.TPESampler(seed=workflow.model.seed)
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial(_declared(workflow), skip_if_exists=False)

    def loss(trial: optuna.Trial) -> float:
        suggested = _with(workflow, _suggested(trial, _whole(workflow)))
        found = try_out(suggested, list(splits)).quality.log_loss
        progress(1)
        return found

    study.optimize(loss, n_trials=trials)
    tried = [Tried(dict(t.params), float(t.value or 0.0)) for t in study.trials]
    return Tuned(_with(workflow, study.best_params), tried)


def _whole(workflow: Workflow) -> Ranges:
    """Where training stops early, the rounds are found and need no search."""
    stops = workflow.model.early_stopping is not None
    return {name: WHOLE[name] for name in WHOLE if not (stops and name == "rounds")}


def _suggested(trial: optuna.Trial, ranges: Ranges) -> dict[str, Any]:
    whole = {
        name: trial.suggest_int(name, int(low), int(high), log=name in BY_MAGNITUDE)
        for name, (low, high) in ranges.items()
    }
    real = {
        name: trial.suggest_float(name, low, high, log=name in BY_MAGNITUDE)
        for name, (low, high) in REAL.items()
    }
    return {**whole, **real}


def _declared(workflow: Workflow) -> dict[str, Any]:
    """Those of the declared parameters that are searched and lie in their range."""
    given = {**workflow.model.parameters, "rounds": workflow.model.rounds}
    ranges = {**_whole(workflow), **REAL}
    return {
        name: given[name]
        for name, (low, high) in ranges.items()
        if name in given and low <= given[name] <= high
    }


def _with(workflow: Workflow, found: dict[str, Any]) -> Workflow:
    own = {name: value for name, value in found.items() if name != "rounds"}
    model = workflow.model.model_copy(
        update={
            "parameters": {**workflow.model.parameters, **own},
            "rounds": found.get("rounds", workflow.model.rounds),
        }
    )
    return workflow.model_copy(update={"model": model})
