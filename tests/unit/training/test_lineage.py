"""A version can be followed back to its rows, its features and the records of the log."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from firm.time import DAY
from firm.workflow import Workflow
from headway.catalogue import declared
from tests.unit.training.small import START, WORKFLOW
from training.lineage import emit, in_words, transport_to
from training.rows import Fingerprint

DATA = Fingerprint(240, ((0, 17, 3_456),), "ab" * 32)
CUT = START + 200 * DAY
LINK = f"#/experiments/{10**9}/runs/{'ab' * 16}/artifacts/lineage.html"


def test_an_event_leads_from_the_version_to_the_records_of_the_log(tmp_path: Path) -> None:
    for version in ("1", "2"):
        emit(transport_to(tmp_path, None), WORKFLOW, version, DATA, CUT, CUT + DAY, "firm.events")
    first, second = (
        json.loads(line) for line in (tmp_path / "lineage.jsonl").read_text().splitlines()
    )
    assert first["eventType"] == "COMPLETE"
    assert first["run"]["runId"] != second["run"]["runId"]
    assert first["run"]["facets"]["nominalTime"]["nominalStartTime"].startswith("2020-07-19")
    events, rows = first["inputs"]
    assert (events["namespace"], events["name"]) == ("kafka", "firm.events")
    assert events["facets"]["version"]["datasetVersion"] == "0:17-3456"
    assert rows["facets"]["version"]["datasetVersion"] == DATA.sha256
    assert rows["inputFacets"]["inputStatistics"]["rowCount"] == 240
    columns = rows["facets"]["schema"]["fields"]
    assert [column["name"] for column in columns] == list(WORKFLOW.feature_names)
    (made,) = second["outputs"]
    assert (made["name"], made["facets"]["version"]["datasetVersion"]) == ("small_risk", "2")


@pytest.mark.parametrize("workflow", declared().values(), ids=declared())
def test_the_page_of_any_workflow_has_room_in_the_registry(workflow: Workflow) -> None:
    """MLflow keeps 5,000 characters, and on PostgreSQL refuses what is longer."""
    words = in_words(workflow, DATA, CUT, "firm.events", LINK)
    assert len(words) <= 5_000
    told = sum(f"- `{name}`:" in words for name in workflow.feature_names)
    left = len(workflow.feature_names) - told
    assert f"- and {left} more" in words if left else "more" not in words.split("Features:")[1]


def test_the_page_says_the_same_in_words() -> None:
    words = in_words(WORKFLOW, DATA, CUT, "firm.events", LINK)
    assert words.endswith(f"[lineage.html]({LINK}).")
    assert "240 rows" in words
    assert "known before 2020-07-19" in words
    assert "partition 0, offsets 17 to 3,456" in words
    for feature in WORKFLOW.features:
        assert f"`{feature.name}`" in words
