"""One MLflow run for a trained version: parameters, figures, data, card, pictures, the model."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from pathlib import Path
from typing import NamedTuple

from firm.workflow import Workflow
from training import card, quiet  # noqa: F401 - quiet has to come before mlflow
from training.candidate import Candidate
from training.saved import save

# isort: split
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, LoggedModelOutput, Metric, Param

NOT_IN_A_NAME = re.compile(r"[^\w/.: -]", re.ASCII)
LONGEST_DIGEST = 36
"""Of a data set, as MLflow's table holds it."""


class Recorded(NamedTuple):
    """A run and the model logged in it, with the tags for the version that is made of them."""

    run: str
    model: str
    tags: dict[str, str]


def record(
    client: MlflowClient, experiment: str, workflow: Workflow, candidate: Candidate
) -> Recorded:
    """Write the whole run; it reads no clock, so it starts and ends at `candidate.at`."""
    millis = candidate.at // 1000
    run: str = client.create_run(experiment, start_time=millis).info.run_id
    _log_figures(client, run, candidate)
    _log_data(client, run, workflow, candidate)
    _log_papers(client, run, workflow, candidate)
    tags = _tags(candidate)
    model: str = client.create_logged_model(
        experiment, name=workflow.slug, source_run_id=run, tags=tags, model_type="xgboost"
    ).model_id
    tags |= _log_model(client, model, candidate)
    client.log_outputs(run, [LoggedModelOutput(model, step=0)])
    client.set_terminated(run, end_time=millis)
    return Recorded(run, model, tags)


def _log_figures(client: MlflowClient, run: str, candidate: Candidate) -> None:
    millis = candidate.at // 1000
    parameters = {**candidate.fitted.parameters, "rounds": candidate.fitted.rounds}
    figures = {
        **card.figures(candidate.quality),
        **_by_part(candidate),
        **_of_fairness(candidate),
        "training_rows": candidate.fitted.rows,
        "shift": candidate.fitted.shift,
    }
    client.log_batch(
        run,
        metrics=[Metric(k, v, millis, 0) for k, v in figures.items() if v is not None],
        params=[Param(k, str(v)) for k, v in parameters.items()],
    )


def _by_part(candidate: Candidate) -> dict[str, float | None]:
    """Figures of steps and slices, by names that MLflow takes: `slice/group/70/auc`."""
    return {
        NOT_IN_A_NAME.sub("_", f"slice/{kind}/{value or '_'}/{name}"): getattr(quality, name)
        for kind, values in candidate.parts.items()
        for value, quality in values.items()
        for name in card.SHOWN
    }


def _of_fairness(candidate: Candidate) -> dict[str, float]:
    """By names that MLflow takes: `fairness/impact_ratio/sex/women/scored`."""
    figures = candidate.fairness.figures.items()
    return {NOT_IN_A_NAME.sub("_", f"fairness/{name}"): figure for name, figure in figures}


def _log_data(client: MlflowClient, run: str, workflow: Workflow, candidate: Candidate) -> None:
    data = candidate.rows.fingerprint()
    dataset = Dataset(
        name=f"{workflow.slug} known at the cut",
        digest=data.sha256[:LONGEST_DIGEST],
        source_type="event log",
        source=json.dumps({"spans": data.spans, "cut": candidate.cut, "sha256": data.sha256}),
        profile=json.dumps({"rows": data.rows}),
    )
    client.log_inputs(run, [DatasetInput(dataset)])


def _log_papers(client: MlflowClient, run: str, workflow: Workflow, candidate: Candidate) -> None:
    client.log_text(run, card.write(workflow, candidate), "model_card.md")
    for picture in candidate.pictures:
        client.log_artifact(run, str(picture))


def _log_model(client: MlflowClient, model: str, candidate: Candidate) -> dict[str, str]:
    """Keep the model under the logged model; return size and digest of `model.ubj`."""
    with tempfile.TemporaryDirectory() as folder:
        content = save(candidate.fitted, candidate.rows, saved := Path(folder) / "model")
        client.log_model_artifacts(model, str(saved))
    client.finalize_logged_model(model, "READY")
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": str(len(content))}


def _tags(candidate: Candidate) -> dict[str, str]:
    data = candidate.rows.fingerprint()
    return {
        "gates": "passed" if candidate.gates_passed else "failed",
        "gates_failed": "; ".join(str(gate) for gate in candidate.gates if not gate.passed),
        "cut": str(candidate.cut),
        "data_sha256": data.sha256,
        "data_rows": str(data.rows),
        "code_version": candidate.code_version,
        "trained_by": candidate.trained_by,
    }
