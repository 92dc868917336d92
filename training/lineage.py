"""Where a version comes from, as OpenLineage events: events of the log -> features -> rows ->
version. https://openlineage.io/docs/spec/object-model"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.facet_v2 import (
    dataset_version_dataset,
    documentation_job,
    input_statistics_input_dataset,
    nominal_time_run,
    schema_dataset,
)
from openlineage.client.transport import Transport
from openlineage.client.transport.file import FileConfig, FileTransport
from openlineage.client.transport.http import HttpConfig, HttpTransport
from openlineage.client.uuid import generate_static_uuid

from firm.time import Micros, to_datetime
from firm.workflow import Workflow
from training.lineage_page import FILE, spans_in_words
from training.rows import Fingerprint

NAMESPACE = "headway"
PRODUCER = "urn:headway:training"
MOST_OF_FEATURES = 4_000
"""Characters: MLflow keeps 5,000 of a version's page."""


def transport_to(folder: Path, url: str | None) -> Transport:
    """To the service at a URL; without one, a file with one event a line."""
    if url is not None:
        return HttpTransport(HttpConfig(url))
    folder.mkdir(parents=True, exist_ok=True)
    return FileTransport(FileConfig(str(folder / "lineage.jsonl"), append=True))


def emit(
    transport: Transport,
    workflow: Workflow,
    version: str,
    data: Fingerprint,
    cut: Micros,
    at: Micros,
    topic: str,
) -> None:
    """Tell of one training that is complete: the log's events came in, a version came out.

    `cut` is the run's nominal time: what was known before went into it.
    """
    name = f"train {workflow.slug}"
    question = documentation_job.DocumentationJobFacet(workflow.question)
    job = Job(NAMESPACE, name, {"documentation": question})
    instant = to_datetime(at)
    known_before = nominal_time_run.NominalTimeRunFacet(to_datetime(cut).isoformat())
    run_id = str(generate_static_uuid(instant, f"{name} {version}".encode()))
    event = RunEvent(
        eventType=RunState.COMPLETE,
        eventTime=instant.isoformat(),
        run=Run(run_id, {"nominalTime": known_before}),
        job=job,
        inputs=[_events(topic, data), _rows(workflow, data)],
        outputs=[_version(workflow, version)],
        producer=PRODUCER,
    )
    client = OpenLineageClient(transport=transport)
    client.emit(event)
    client.close()


def in_words(workflow: Workflow, data: Fingerprint, cut: Micros, topic: str, link: str) -> str:
    """The same for the version's page in the registry, in Markdown; `link` opens the page with
    the picture from there."""
    spans = "; ".join(spans_in_words(data))
    names = _cut_to(MOST_OF_FEATURES, [f"- `{f.name}`: {f.of.words}" for f in workflow.features])
    return (
        f"Trained on **{data.rows:,} rows** that were known before {to_datetime(cut):%Y-%m-%d} "
        f"(SHA-256 `{data.sha256}`), folded from the events of `{topic}`: {spans}.\n\n"
        f"Features:\n\n{names}\n\nThe same as a page with a picture: [{FILE}]({link})."
    )


def _cut_to(most: int, lines: Sequence[str]) -> str:
    """As many of the lines as these characters hold, and how many are left out."""
    ends = list(accumulate(len(line) + 1 for line in lines))
    told = bisect_right(ends, most)
    left = [f"- and {len(lines) - told} more"] if told < len(lines) else []
    return "\n".join([*lines[:told], *left])


def _events(topic: str, data: Fingerprint) -> InputDataset:
    """The records of the log that asked: of each partition the first and the last offset."""
    spans = ", ".join(f"{partition}:{first}-{last}" for partition, first, last in data.spans)
    return InputDataset("kafka", topic, facets={"version": _versioned(spans)})


def _rows(workflow: Workflow, data: Fingerprint) -> InputDataset:
    columns = [
        schema_dataset.SchemaDatasetFacetFields(
            f.name, f"float ({f.unit})", f"{f.of.words}, from {f.source}: {f.why}"
        )
        for f in workflow.features
    ]
    count = input_statistics_input_dataset.InputStatisticsInputDatasetFacet(rowCount=data.rows)
    return InputDataset(
        NAMESPACE,
        f"{workflow.slug} training rows",
        facets={
            "schema": schema_dataset.SchemaDatasetFacet(columns),
            "version": _versioned(data.sha256),
        },
        inputFacets={"inputStatistics": count},
    )


def _version(workflow: Workflow, version: str) -> OutputDataset:
    return OutputDataset("mlflow", workflow.slug, facets={"version": _versioned(version)})


def _versioned(words: str) -> dataset_version_dataset.DatasetVersionDatasetFacet:
    return dataset_version_dataset.DatasetVersionDatasetFacet(words)
