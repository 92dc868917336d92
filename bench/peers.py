"""The others, each in an environment of its own: what users would run instead of Headway."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

FILES = Path(__file__).with_name("peers")
OVERRIDES = FILES / "overrides.txt"


class NotInstalled(Exception):
    """A peer's packages could not be installed; the reason is said instead of a figure."""


def interpreter(name: str, cache: Path) -> Path:
    """The Python of the environment with the packages of `peers/NAME.txt`, made when missing.

    Raises:
        NotInstalled: they could not be installed.
    """
    wanted = FILES / f"{name}.txt"
    digest = hashlib.sha256(wanted.read_bytes() + OVERRIDES.read_bytes()).hexdigest()[:12]
    folder = cache / "bench" / f"{name}-{digest}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        _uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder))
        packages = ("--requirement", str(wanted), "--override", str(OVERRIDES))
        _uv("pip", "install", "--quiet", "--python", str(python), *packages)
        done.touch()
    return python


def _uv(*arguments: str) -> None:
    command = [sys.executable, "-m", "uv", *arguments]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
    if made.returncode != 0:
        raise NotInstalled((made.stderr.strip() or "uv says nothing").splitlines()[-1])
