"""The page that takes a newcomer through a workflow of their own holds, to the last figure."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "your-own-workflow.md"
COMMANDS = re.compile(r"```console\n(.*?)```", re.DOTALL)
FILES = re.compile(r"```\w+ title=(\S+)\n(.*?)```", re.DOTALL)


def parts(console: str) -> list[tuple[str, str]]:
    """Each command with what the page says that it prints."""
    found = re.split(r"^\$ ", console, flags=re.MULTILINE)[1:]
    return [(words, said.rstrip()) for words, _, said in (part.partition("\n") for part in found)]


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    if command.startswith("export "):
        name, _, value = command.removeprefix("export ").partition("=")
        environment[name] = value
        return ""
    python = f'"{sys.executable}"'
    command = re.sub(r"^headway ", f"{python} -m headway ", command)
    command = re.sub(r"^python ", f"{python} ", command)
    done = subprocess.run(  # noqa: S602 - the page's own commands, as a newcomer types them
        command, shell=True, cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.rstrip()


def clean_environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADWAY_")}
    return {**kept, "PYTHONPATH": str(ROOT), "COLUMNS": "80"}


@pytest.mark.slow
def test_every_command_of_the_page_prints_what_the_page_says(tmp_path: Path) -> None:
    page = PAGE.read_text(encoding="utf-8")
    for name, text in FILES.findall(page):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    environment = clean_environment()
    for console in COMMANDS.findall(page):
        for command, said in parts(console):
            printed = run(command, tmp_path, environment)
            if command == "headway check":  # workflows that come with the house may be added
                assert "order_returns: 2 features, Head of purchasing" in printed
            else:
                assert printed == said
