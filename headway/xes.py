"""Reads event logs in XES (IEEE 1849), one trace at a time.

Nested attributes, lists, globals, classifiers and extensions say nothing of one event and are
passed over.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError, iterparse

from firm.errors import HeadwayError

VALUES = {"string", "date", "int", "float", "boolean", "id"}
Texts = dict[str, str | None]


class UnreadableLog(HeadwayError):
    """A file is no log in the format that its name says."""

    kind = "unreadable-log"


def read_xes(file: Path) -> Iterator[Texts]:
    """Each event as the texts of its attributes, those of its trace with `case:` before them.

    Raises:
        UnreadableLog: it is no XML, or is cut off.
    """
    open_ = gzip.open if file.suffix == ".gz" else open
    try:
        with open_(file, "rb") as stream:
            for _, element in iterparse(stream):  # noqa: S314  (expat limits expansion of entities)
                if _name(element) == "trace":
                    yield from _events(element)
                    element.clear()
    except (ParseError, EOFError, OSError) as error:
        raise UnreadableLog(f"{file} is no XES log, or is cut off: {error}") from error


def _events(trace: Element) -> Iterator[Texts]:
    case = {f"case:{key}": value for key, value in _attributes(trace).items()}
    for element in trace:
        if _name(element) == "event":
            yield {**case, **_attributes(element)}


def _attributes(element: Element) -> Texts:
    return {child.get("key", ""): child.get("value") for child in element if _name(child) in VALUES}


def _name(element: Element) -> str:
    """The tag without its namespace; files differ in whether they declare one."""
    return element.tag.rpartition("}")[2].lower()
