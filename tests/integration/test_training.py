"""Training from a live Kafka into a live MLflow: by search, on its cycle, against the champion."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dask.distributed import LocalCluster
from mlflow import MlflowClient
from rich.console import Console

from firm.decision import Person
from firm.store import SqlStore
from firm.time import to_micros
from headway.catalogue import canonicaliser, card_of, declared
from headway.clock import now
from headway.commands import open_store, train_workflow
from headway.governance import Governance
from headway.lifecycle import open_registry, train_version
from headway.logs import find_log, outgoing
from headway.parts import Parts
from headway.progress import Progress
from headway.replay import send
from headway.retraining import train_due
from headway.schemas import make_schemas, schema_url
from headway.settings import Settings
from stream.topics import ensure_topics
from workflows.delivery_risk import WORKFLOW

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(420),
    # MLflow's tables ask SQLAlchemy for a loader that a later release drops.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy"),
    # MLflow complains of its own type hints, the first time that it is imported.
    pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType"),
]
SLUG = WORKFLOW.slug
SCIENTIST = Person("grace", frozenset({"data_scientist"}))
REVIEWER = Person("alan", frozenset({"governance_reviewer"}))
CUT = datetime(2017, 7, 1, tzinfo=UTC)
LATE = datetime(2019, 7, 1, tzinfo=UTC)
"""Enough rounds of reports were known by then for some to choose by and others to judge."""


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A copy's Kafka and database of its own, with the log of capital projects in it."""
    home = tmp_path_factory.mktemp("training") / "home"
    plain = Settings(home=home)
    with Parts.start(home, cache=plain.cache_folder) as parts:
        found = plain.at(parts.addresses)
        asyncio.run(ensure_topics(found.kafka or ""))
        make_schemas(found.database or "")
        with closing(open_store(found)) as store:
            store.migrate()
        file, mapping = find_log("capital_projects")
        events = outgoing(file, mapping, canonicaliser(declared()), now())
        send(found.kafka or "", events, lambda _: None)
        yield found


@pytest.fixture(scope="module")
def store(settings: Settings) -> Iterator[SqlStore]:
    opened = open_store(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def client(settings: Settings) -> MlflowClient:
    uri = schema_url(settings.database or "", "mlflow")
    return MlflowClient(uri, uri)


def watched() -> tuple[Progress, io.StringIO]:
    """Progress as a person at a terminal sees it, and what was shown."""
    shown = io.StringIO()
    return Progress(Console(file=shown, force_terminal=True, width=120)), shown


@pytest.fixture(scope="module")
def tuned(settings: Settings) -> tuple[dict[str, Any], str]:
    progress, shown = watched()
    return train_workflow(settings, SLUG, LATE, "ada", 3, progress), shown.getvalue()


def test_a_search_shows_how_far_it_is(tuned: tuple[dict[str, Any], str]) -> None:
    found, shown = tuned
    assert found["rows"] > 1000
    assert "trying parameters" in shown
    assert "3/3" in shown


def test_a_version_is_kept_with_all_its_evidence(
    settings: Settings, tuned: tuple[dict[str, Any], str], client: MlflowClient
) -> None:
    version = open_registry(settings).get(SLUG, tuned[0]["version"])
    run = client.get_run(version.run)
    assert {"auc", "brier", "training_rows", "slice/owner/DDC/auc"} <= set(run.data.metrics)
    assert {"eta", "max_depth", "rounds", "monotone_constraints"} <= set(run.data.params)
    (data,) = run.inputs.dataset_inputs
    assert '"spans": [[0, ' in data.dataset.source
    assert client.get_model_version(SLUG, version.version).tags["code_version"].startswith("0.")
    kept = settings.artifacts / SLUG / version.run / "artifacts"
    assert {path.name for path in kept.iterdir()} == {
        "contributions.png",
        "gains.png",
        "lineage.html",
        "model_card.md",
        "precision_recall.png",
        "reliability.png",
        "tuning.json",
    }
    card = (kept / "model_card.md").read_text()
    assert card.startswith(card_of(SLUG).rstrip())
    assert "| owner | DDC | 1" in card


def test_a_model_is_kept_with_signature_and_example_and_as_no_pickle(
    settings: Settings, tuned: tuple[dict[str, Any], str]
) -> None:
    folder = open_registry(settings).get(SLUG, tuned[0]["version"]).path.parent
    names = {path.name for path in folder.iterdir()}
    assert {"model.ubj", "MLmodel", "input_example.json"} <= names
    assert not [name for name in names if Path(name).suffix in {".pkl", ".pickle", ".joblib"}]
    described = (folder / "MLmodel").read_text()
    assert "signature:" in described
    assert WORKFLOW.feature_names[0] in described


def test_a_candidate_is_held_against_the_champion_on_rows_that_it_has_not_seen(
    settings: Settings, store: SqlStore
) -> None:
    first = train_version(settings, WORKFLOW, to_micros(CUT), "ada")
    assert not any("champion 1" in gate.gate for gate in first.gates)
    assert first.version.gates_passed
    governance = Governance(settings, store)
    asked = governance.propose(SLUG, first.version.version, SCIENTIST, "a test")
    governance.agree(SLUG, asked.id, REVIEWER, "a test")
    later = to_micros(datetime(2018, 7, 1, tzinfo=UTC))
    second = train_version(settings, WORKFLOW, later, "ada")
    name = f"Brier score less that of champion {first.version.version}"
    (against,) = [gate for gate in second.gates if gate.gate.startswith(name)]
    assert against.figure is not None
    assert against.skipped is None
    live = governance.standing(SLUG).champion
    assert live is not None
    assert live.version == first.version.version


def test_what_is_due_is_trained_once_and_what_cannot_be_is_named(settings: Settings) -> None:
    registry = open_registry(settings)
    before = len(registry.versions(SLUG))
    progress, _ = watched()
    found = train_due(settings, "retraining", progress)
    assert SLUG not in found, "it has just been trained"
    assert "0 rows" in found["service_level"]["not trained"]
    assert len(registry.versions(SLUG)) == before


def test_a_log_that_outgrows_memory_is_trained_on_from_files_and_on_a_cluster(
    settings: Settings,
) -> None:
    """Two workers of Dask, and XGBoost's external memory, learn from the rows that memory holds."""
    progress, shown = watched()
    in_memory = train_workflow(settings, SLUG, CUT, "ada", 0, progress)
    from_files = train_workflow(settings, SLUG, CUT, "ada", 0, progress, in_files=True)
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as cluster:
        on = cluster.scheduler_address
        on_cluster = train_workflow(settings, SLUG, CUT, "ada", 0, progress, on=on)
    assert shown.getvalue().count(f"{SLUG}: replayed in columns") == 2
    assert list((settings.home / "rows" / SLUG / "rows").rglob("*.parquet"))
    registry = open_registry(settings)
    for found in (from_files, on_cluster):
        assert found["rows"] == in_memory["rows"] > 500
        assert found["gates"].keys() == in_memory["gates"].keys()
        assert registry.get(SLUG, found["version"]).trained_by == "ada"
