"""The registry of models, kept by MLflow: versions with their evidence, and their aliases.

It speaks to the database directly, so no server has to run. MLflow keeps no history of aliases and
asks nobody for approval: what decides stands, signed, in our own store, and the aliases here show
it.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlparse

from firm.errors import ModelRefused
from firm.workflow import Workflow
from training import quiet  # noqa: F401 - has to come before mlflow
from training.candidate import Candidate
from training.evidence import record
from training.registered import RegisteredVersion
from training.tables import one_at_a_time

# isort: split
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException


class Registry:
    """Versions of the models of all workflows; the registered name is the workflow's slug.

    Args:
        tracking_uri: of MLflow's database (`postgresql://`, `sqlite:///`).
        artifacts: the local folder in which models, cards and pictures are kept.
    """

    def __init__(self, tracking_uri: str, artifacts: Path) -> None:
        with one_at_a_time(tracking_uri):
            self._client = MlflowClient(tracking_uri, tracking_uri)
        self._artifacts = artifacts.absolute()

    def register(self, workflow: Workflow, candidate: Candidate) -> RegisteredVersion:
        """Keep a version with its evidence; it scores only once somebody has approved it."""
        experiment = self._experiment(workflow.slug)
        recorded = record(self._client, experiment, workflow, candidate)
        location = self._client.get_logged_model(recorded.model).artifact_location
        if not self._search(workflow.slug):
            self._client.create_registered_model(workflow.slug, description=workflow.question)
        version = self._client.create_model_version(
            workflow.slug,
            location,
            recorded.run,
            tags=recorded.tags,
            model_id=recorded.model,
        )
        return self._registered(version)

    def describe(self, slug: str, version: str, words: str) -> None:
        """What stands on the page of a version, in Markdown."""
        self._client.update_model_version(slug, version, words)

    def set_alias(self, slug: str, alias: str, version: str | None) -> None:
        """Point an alias at a version, or at nothing; harmless where it does already.

        Raises:
            ModelRefused: there is no such version.
        """
        if version is not None:
            self.get(slug, version)
            self._client.set_registered_model_alias(slug, alias, version)
        elif alias in self.aliases(slug):
            self._client.delete_registered_model_alias(slug, alias)

    def aliases(self, slug: str) -> dict[str, str]:
        """The version that each alias points at; none for a workflow that was never trained."""
        for model in self._search(slug):
            return {alias: str(version) for alias, version in model.aliases.items()}
        return {}

    def get(self, slug: str, version: str) -> RegisteredVersion:
        """One version.

        Raises:
            ModelRefused: there is no such version.
        """
        try:
            return self._registered(self._client.get_model_version(slug, version))
        except MlflowException as error:
            raise ModelRefused(
                f"no version {version!r} of {slug} is registered ({error.message}); "
                f"`headway models {slug}` lists those that are"
            ) from error

    def versions(self, slug: str) -> list[RegisteredVersion]:
        """All versions, oldest first; none for a workflow that was never trained."""
        found = self._client.search_model_versions(f"name = '{slug}'")
        return sorted((self._registered(v) for v in found), key=lambda v: int(v.version))

    def keep_page(self, version: RegisteredVersion, name: str, page: str) -> str:
        """Keep an HTML page with the run of a version; returns the link that opens it from any
        other of MLflow's pages, wherever they are served."""
        self._client.log_text(version.run, page, name)
        experiment = self._client.get_run(version.run).info.experiment_id
        return f"#/experiments/{experiment}/runs/{version.run}/artifacts/{name}"

    def keep_report(self, version: RegisteredVersion, folder: Path) -> None:
        """Keep the files of a report with the run of its version, under the folder's name."""
        self._client.log_artifacts(version.run, str(folder), f"reports/{folder.name}")

    def _search(self, slug: str) -> list[RegisteredModel]:
        return list(self._client.search_registered_models(f"name = '{slug}'"))

    def _experiment(self, slug: str) -> str:
        found = self._client.get_experiment_by_name(slug)
        if found is not None:
            return str(found.experiment_id)
        folder = self._artifacts / slug
        return str(self._client.create_experiment(slug, artifact_location=folder.as_uri()))

    def _registered(self, version: ModelVersion) -> RegisteredVersion:
        return RegisteredVersion(
            workflow=version.name,
            version=str(version.version),
            run=version.run_id or "",
            path=Path(unquote(urlparse(version.source).path)) / "model.ubj",
            sha256=version.tags["sha256"],
            size=int(version.tags["size"]),
            cut=int(version.tags["cut"]),
            gates_passed=version.tags["gates"] == "passed",
            trained_by=version.tags["trained_by"],
        )
