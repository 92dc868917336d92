"""The logs of our processes: one JSON object a line, on standard error."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

SECRET = re.compile(r"authorization|token|password|secret|api_?key|cookie", re.IGNORECASE)
_IN_TEXT = re.compile(
    r"(?P<before>\bbearer\s+|\bhw_[^_\s]+_|://[^:/@\s]+:|"
    r"\b(?:password|secret|token)[\"']?\s*[=:]\s*[\"']?)[^\s\"'@,;&]+",
    re.IGNORECASE,
)
GONE = "[left out]"


def leave_out_secrets(
    _logger: object, _method: str, said: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: no value of a secret's name, and no secret within a text."""
    return {name: _clean(name, value) for name, value in said.items()}


def _clean(name: str, value: Any) -> Any:
    if SECRET.search(name):
        return GONE
    if isinstance(value, str):
        return _IN_TEXT.sub(rf"\g<before>{GONE}", value)
    if isinstance(value, Mapping):
        return {str(key): _clean(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", one) for one in value]
    return value


def set_up() -> None:
    """Route our own logs and those of the libraries through one format."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                leave_out_secrets,
                structlog.processors.JSONRenderer(default=str),
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    for ours in ("headway", "stream", "serving", "features"):
        logging.getLogger(ours).setLevel(logging.INFO)
