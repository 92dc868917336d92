"""Where a version comes from as a page that a person reads: version, rows, features, events."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from firm.time import Micros, to_datetime
from firm.workflow import Workflow
from training.rows import Fingerprint

FILE = "lineage.html"


def page(workflow: Workflow, version: str, data: Fingerprint, cut: Micros, topic: str) -> str:
    """One HTML file that loads nothing; the picture leads from the version down to the log."""
    folder = FileSystemLoader(Path(__file__).parent / "templates")
    surroundings = Environment(
        loader=folder, autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    before = f"{to_datetime(cut):%Y-%m-%d %H:%M} UTC"
    spans = spans_in_words(data)
    return surroundings.get_template(f"{FILE}.j2").render(
        workflow=workflow,
        version=version,
        rows=f"{data.rows:,}",
        cut=before,
        sha256=data.sha256,
        topic=topic,
        spans=spans,
        steps=(
            (f"{workflow.slug}, version {version}", "the model"),
            (f"{data.rows:,} training rows", f"known before {before}"),
            (f"{len(workflow.features)} features", "folded from the events of a subject"),
            (topic, spans[0] if len(spans) == 1 else f"{len(spans)} partitions"),
        ),
    )


def spans_in_words(data: Fingerprint) -> list[str]:
    """The records of the log that asked, by partition."""
    return [f"partition {p}, offsets {a:,} to {b:,}" for p, a, b in data.spans]
