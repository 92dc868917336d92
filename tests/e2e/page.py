"""The commands of a page of the documentation, and whether what they print is as the page says."""

from __future__ import annotations

import re
from typing import Any

CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
PROMPT = re.compile(r"^\$ ", re.MULTILINE)
CONTINUED = re.compile(r"^(.*?[^\\])$\n?", re.DOTALL | re.MULTILINE)
LEFT_OUT = "..."


def commands(page: str) -> list[tuple[str, str]]:
    """Each command of a page, in their order, with what the page says that it prints."""
    typed = [part for block in CONSOLE.findall(page) for part in PROMPT.split(block)[1:]]
    found = []
    for part in typed:
        command = CONTINUED.match(part)
        assert command, part
        found.append((command[1], part[command.end() :].strip()))
    return found


def like(said: Any, printed: Any) -> bool:
    """Whether an answer has the members of the one that a page shows, each of its type.

    The page shows the first member of a list; its member `...` stands for others like it.
    """
    if isinstance(said, dict):
        return isinstance(printed, dict) and _members_like(said, printed)
    if isinstance(said, list):
        return (
            isinstance(printed, list)
            and bool(said) == bool(printed)
            and all(like(said[0], one) for one in printed)
        )
    return type(said) is type(printed)


def _members_like(said: dict[str, Any], printed: dict[str, Any]) -> bool:
    shown = {name: value for name, value in said.items() if name != LEFT_OUT}
    others = printed.keys() - shown.keys()
    return (
        shown.keys() <= printed.keys()
        and bool(others) == (LEFT_OUT in said)
        and all(like(value, printed[name]) for name, value in shown.items())
        and all(like(said[LEFT_OUT], printed[name]) for name in others)
    )
