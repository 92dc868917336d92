"""Clients of others, as they are: each gets the score that the API's own route gives."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from headway.api import build
from headway.settings import Settings
from tests.contract.serving.conftest import served
from tests.stage import SLUG, Stage

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of gevent and of MLflow, at import
    from mlflow.pyfunc.scoring_server.client import ScoringServerClient
    from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
    from tritonclient.utils import InferenceServerException

PAGE = Path(__file__).parents[3] / "docs" / "api.md"
INFER = f"/v2/models/{SLUG}/infer"
SUBJECTS = ["project:p1", "project:p2"]


@pytest.fixture(scope="module")
def probabilities(api: httpx.Client) -> list[float]:
    """What the API's own route answers."""
    answers = [
        api.post(f"/v1/workflows/{SLUG}/score", json={"subject": subject}).json()
        for subject in SUBJECTS
    ]
    return [answer["probability"] for answer in answers]


class TestATritonClient:
    @pytest.fixture
    def own(self, headers: dict[str, str]) -> dict[str, str]:
        """A copy: the client adds to it."""
        return dict(headers)

    @pytest.fixture
    def client(self, url: str) -> Iterator[InferenceServerClient]:
        client = InferenceServerClient(urlsplit(url).netloc)
        yield client
        client.close()

    def test_finds_the_server_and_the_workflow_ready(
        self, client: InferenceServerClient, own: dict[str, str]
    ) -> None:
        assert client.is_server_live(headers=own)
        assert client.is_server_ready(headers=own)
        assert client.is_model_ready(SLUG, headers=own)
        assert client.get_server_metadata(headers=own)["name"] == "headway"
        metadata = client.get_model_metadata(SLUG, headers=own)
        assert [tensor["name"] for tensor in metadata["inputs"]] == ["subject"]
        assert metadata["versions"] == ["rule"]

    @pytest.mark.parametrize("binary", [False, True])
    def test_gets_scores(
        self,
        client: InferenceServerClient,
        own: dict[str, str],
        probabilities: list[float],
        binary: bool,
    ) -> None:
        asked = InferInput("subject", [2], "BYTES")
        asked.set_data_from_numpy(texts(SUBJECTS), binary_data=binary)
        found = client.infer(SLUG, [asked], headers=own)
        assert found.as_numpy("probability").tolist() == probabilities
        assert found.as_numpy("decision_id").shape == (2,)

    def test_gets_the_outputs_it_wants(
        self, client: InferenceServerClient, own: dict[str, str]
    ) -> None:
        asked = InferInput("subject", [1], "BYTES")
        asked.set_data_from_numpy(texts(SUBJECTS[:1]))
        wanted = [InferRequestedOutput("band", binary_data=False)]
        found = client.infer(SLUG, [asked], headers=own, outputs=wanted, model_version="rule")
        assert [output["name"] for output in found.get_response()["outputs"]] == ["band"]

    def test_is_told_in_its_own_way_what_is_wrong(
        self, client: InferenceServerClient, own: dict[str, str]
    ) -> None:
        asked = InferInput("subject", [1], "BYTES")
        asked.set_data_from_numpy(texts(["project:nobody"]))
        with pytest.raises(InferenceServerException, match="project:nobody"):
            client.infer(SLUG, [asked], headers=own)
        with pytest.raises(InferenceServerException, match="rule of delivery_risk is live"):
            client.infer(SLUG, [asked], headers=own, model_version="7")

    def test_does_what_the_page_for_callers_says(
        self,
        url: str,
        headers: dict[str, str],
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setenv("HEADWAY", url)
        monkeypatch.setenv("KEY", headers["Authorization"].removeprefix("Bearer "))
        (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
        ours = example.replace("project:3", SUBJECTS[0]).replace("project:7", SUBJECTS[1])
        exec(compile(ours, str(PAGE), "exec"), {})  # noqa: S102  (our own page)
        assert "[0.5 0. ] ['watch' 'calm']" in capsys.readouterr().out


class TestAnMlflowClient:
    def test_gets_scores(self, settings: Settings, stage: Stage) -> None:
        with served(build(settings.model_copy(update={"developer": True}))) as url:
            where = urlsplit(url)
            client = ScoringServerClient(where.hostname, where.port)
            client.ping()
            assert client.get_version()
            asked = pd.DataFrame({"subject": SUBJECTS})
            found = client.invoke(asked, params={"workflow": SLUG}).get_predictions()
        assert list(found["probability"]) == [0.5, 0.0]

    @pytest.mark.parametrize(
        "table",
        [
            {"dataframe_split": {"columns": ["subject"], "data": [[s] for s in SUBJECTS]}},
            {"dataframe_records": [{"subject": s} for s in SUBJECTS]},
            {"instances": [{"subject": s} for s in SUBJECTS]},
            {"inputs": {"subject": SUBJECTS}},
            {"inputs": SUBJECTS},
        ],
        ids=lambda table: next(iter(table)),
    )
    def test_may_send_the_table_in_each_of_its_forms(
        self, api: httpx.Client, probabilities: list[float], table: dict[str, Any]
    ) -> None:
        answer = api.post("/invocations", json=table | {"params": {"workflow": SLUG}})
        assert [p["probability"] for p in answer.json()["predictions"]] == probabilities


BAD_INFERENCES = {
    "not JSON": b"{",
    "no input": b'{"inputs": []}',
    "another input": b'{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1]}]}',
    "fewer than said": b'{"inputs": [{"name": "subject", "shape": [2], "datatype": "BYTES", '
    b'"data": ["project:p1"]}]}',
    "an unknown output": b'{"inputs": [{"name": "subject", "shape": [1], "datatype": "BYTES", '
    b'"data": ["project:p1"]}], "outputs": [{"name": "x"}]}',
    "nested": b'{"inputs": [{"name": "subject", "shape": [1], "datatype": "BYTES", "data": '
    + b"[" * 5_000
    + b"]" * 5_000
    + b"}]}",
}


@pytest.mark.parametrize("body", BAD_INFERENCES.values(), ids=BAD_INFERENCES.keys())
def test_a_wrong_inference_is_refused_with_the_error_where_clients_look(
    api: httpx.Client, body: bytes
) -> None:
    answer = api.post(INFER, content=body)
    assert answer.status_code in {400, 422}
    assert answer.json()["error"] == answer.json()["detail"]


@pytest.mark.parametrize("cut", [b"\x05\x00\x00\x00proj", b"\x01", b"\x01\x00\x00\x00\xff"])
def test_a_binary_tensor_that_breaks_off_is_refused(api: httpx.Client, cut: bytes) -> None:
    head = b'{"inputs": [{"name": "subject", "shape": [1], "datatype": "BYTES"}]}'
    length = {"Inference-Header-Content-Length": str(len(head))}
    assert api.post(INFER, content=head + cut, headers=length).status_code == 400


def test_a_batch_answers_each_subject_or_says_why_not(
    api: httpx.Client, probabilities: list[float]
) -> None:
    subjects = [SUBJECTS[0], "project:nobody", SUBJECTS[1]]
    answer = api.post(f"/v1/workflows/{SLUG}/score/batch", json={"subjects": subjects})
    assert answer.status_code == 200
    answers, problems = answer.json()["answers"], answer.json()["problems"]
    assert [a["probability"] for a in answers] == probabilities
    assert [(p["subject"], p["problem"]["status"]) for p in problems] == [("project:nobody", 404)]


def test_a_repeated_batch_gives_the_same_bytes(api: httpx.Client) -> None:
    key = {"Idempotency-Key": "a batch"}
    path, body = f"/v1/workflows/{SLUG}/score/batch", {"subjects": SUBJECTS}
    first, second = (api.post(path, json=body, headers=key) for _ in range(2))
    assert first.content == second.content


def test_a_batch_above_the_limit_is_refused(api: httpx.Client) -> None:
    body = {"subjects": [f"project:{n}" for n in range(1_001)]}
    answer = api.post(f"/v1/workflows/{SLUG}/score/batch", json=body)
    assert answer.status_code == 422
    assert "1,000" in answer.json()["detail"]


def texts(values: list[str]) -> NDArray[np.object_]:
    return np.array([value.encode() for value in values], dtype=np.object_)
