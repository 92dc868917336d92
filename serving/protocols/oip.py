"""The Open Inference Protocol, version 2 over REST: KServe, MLServer and Triton clients work.

A workflow is a model with one input, `subject`: features are read here, by id, never taken from a
caller. Triton's binary tensors are understood in requests; answers are JSON, which each client
reads as well.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from firm.decision import RULE_VERSION, Decision, as_json
from firm.errors import HeadwayError, InvalidValue, Malformed
from firm.time import Micros
from serving.access.guard import Guard
from serving.batch import all_or_nothing, score_each
from serving.bodies import INFERENCE, INFERENCE_EXAMPLE
from serving.documented import PROBLEMS, Key, body_of
from serving.scoring import Scoring

INPUT = {"name": "subject", "datatype": "BYTES", "shape": [-1]}
OUTPUTS: dict[str, tuple[str, Callable[[Decision], Any]]] = {
    "probability": ("FP64", lambda decision: decision.probability),
    "band": ("BYTES", lambda decision: decision.band),
    "decision_id": ("BYTES", lambda decision: decision.id),
    "stale": ("BOOL", lambda decision: decision.stale),
}
LENGTH = struct.Struct("<I")
MODEL = "/v2/models/{slug}"
OF_VERSION = MODEL + "/versions/{version}"


class UnknownVersion(HeadwayError):
    """Another version is live than the one that was asked for."""

    kind = "unknown-version"


class Tensor(msgspec.Struct):
    """An input; `data` is left out where the values follow the JSON in binary."""

    name: str
    shape: list[float]
    datatype: str
    parameters: dict[str, Any] = {}
    data: list[Any] | None = None


class Wanted(msgspec.Struct):
    """An output that is asked for."""

    name: str
    parameters: dict[str, Any] = {}


class InferRequest(msgspec.Struct):
    """What a client asks."""

    inputs: list[Tensor]
    id: str | None = None
    parameters: dict[str, Any] = {}
    outputs: list[Wanted] = []


def routes(scoring: Scoring, now: Callable[[], Micros], guard: Guard, version: str) -> APIRouter:
    """The protocol's routes; `version` is the server's own."""
    router = APIRouter(tags=["Open Inference Protocol"], responses=PROBLEMS)
    reads = [guard.needs("workflows:read")]

    def live(slug: str, asked: str | None) -> str:
        scoring.workflow(slug)
        scorer = scoring.models.live(slug)
        found = scorer.version if scorer else RULE_VERSION
        if asked is not None and asked != found:
            raise UnknownVersion(f"version {found} of {slug} is live, not {asked}")
        return found

    @router.get("/v2", dependencies=reads)
    def server() -> dict[str, Any]:
        """The server's name and extensions."""
        return {"name": "headway", "version": version, "extensions": ["binary_tensor_data"]}

    @router.get("/v2/health/live")
    def is_live() -> dict[str, bool]:
        """The process answers."""
        return {"live": True}

    @router.get("/v2/health/ready")
    def is_ready() -> dict[str, bool]:
        """The declarations are loaded."""
        return {"ready": bool(scoring.workflows)}

    @router.get(MODEL + "/ready", dependencies=reads)
    @router.get(OF_VERSION + "/ready", dependencies=reads)
    def model_ready(slug: str, version: str | None = None) -> dict[str, Any]:
        """The workflow scores, by its live version or by its rule."""
        return {"name": slug, "ready": bool(live(slug, version))}

    @router.get(MODEL, dependencies=reads)
    @router.get(OF_VERSION, dependencies=reads)
    def metadata(slug: str, version: str | None = None) -> dict[str, Any]:
        """The input and the outputs of a workflow."""
        outputs = [
            {"name": name, "datatype": kind, "shape": [-1]} for name, (kind, _) in OUTPUTS.items()
        ]
        return {
            "name": slug,
            "versions": [live(slug, version)],
            "platform": "headway",
            "inputs": [INPUT],
            "outputs": outputs,
        }

    body = body_of(INFERENCE, INFERENCE_EXAMPLE)

    @router.post(MODEL + "/infer", openapi_extra=body, dependencies=[guard.needs("scores:ask")])
    @router.post(
        OF_VERSION + "/infer", openapi_extra=body, dependencies=[guard.needs("scores:ask")]
    )
    async def infer(
        slug: str,
        request: Request,
        key: Key,
        version: str | None = None,
        json_bytes: Annotated[
            int | None,
            Header(alias="Inference-Header-Content-Length", ge=0, include_in_schema=False),
        ] = None,
    ) -> Response:
        """One decision for each subject, in their order; all of them or none."""
        asked, subjects = read_request(await request.body(), json_bytes)
        model_version = live(slug, version)
        at = now()
        found = await score_each(scoring, slug, subjects, at, key, at)
        answer = {
            "model_name": slug,
            "model_version": model_version,
            "id": asked.id or key,
            "outputs": _outputs(asked, all_or_nothing(found)),
        }
        return Response(as_json(answer), media_type="application/json")

    return router


def read_request(body: bytes, json_bytes: int | None) -> tuple[InferRequest, list[str]]:
    """The request and the subjects in it.

    Args:
        json_bytes: the length of the JSON, where binary tensors follow it.

    Raises:
        Malformed: it is not the protocol's JSON, or the binary part does not fit to it.
        InvalidValue: it does not have the one input `subject`, of datatype BYTES.
    """
    head = body if json_bytes is None else body[:json_bytes]
    try:
        asked = msgspec.json.decode(head, type=InferRequest)
    except (msgspec.ValidationError, msgspec.DecodeError, RecursionError) as error:
        raise Malformed(f"not an inference request: {error}") from error
    names = [(tensor.name, tensor.datatype) for tensor in asked.inputs]
    if names != [("subject", "BYTES")]:
        raise InvalidValue(f"the one input is 'subject' of datatype BYTES; got {names}")
    (tensor,) = asked.inputs
    if tensor.data is None:
        found = list(_binary(body[len(head) :]))
    else:
        found = [value for value in _flat(tensor.data) if isinstance(value, str)]
    size = 1.0
    for side in tensor.shape:
        size *= side
    if len(found) != size:
        raise InvalidValue(
            f"shape {tensor.shape} is of {size:g} texts; the data holds {len(found)}"
        )
    return asked, found


def _flat(data: Sequence[Any]) -> Iterator[Any]:
    for value in data:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _binary(rest: bytes) -> Iterator[str]:
    """Triton's form of texts: four bytes of length, little-endian, and so many of UTF-8."""
    at = 0
    while at < len(rest):
        try:
            (length,) = LENGTH.unpack_from(rest, at)
            text = rest[at + LENGTH.size : at + LENGTH.size + length].decode()
        except (struct.error, UnicodeDecodeError) as error:
            raise Malformed(f"the binary tensor breaks at byte {at}: {error}") from error
        at += LENGTH.size + length
        yield text
    if at != len(rest):
        raise Malformed(f"the binary tensor ends at byte {len(rest)}, within a text")


def _outputs(asked: InferRequest, decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    wanted = [output.name for output in asked.outputs] or list(OUTPUTS)
    if unknown := sorted(set(wanted) - set(OUTPUTS)):
        raise InvalidValue(f"no such outputs: {unknown}; there are {list(OUTPUTS)}")
    return [
        {
            "name": name,
            "datatype": OUTPUTS[name][0],
            "shape": [len(decisions)],
            "data": [OUTPUTS[name][1](decision) for decision in decisions],
        }
        for name in wanted
    ]
