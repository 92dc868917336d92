"""Which code this is."""

from __future__ import annotations

import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent


def code_version() -> str:
    """The release and, in a checkout, its commit; `-dirty` where files differ from that."""
    release, git = version("headway"), shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        return release
    command = [git, "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return f"{release}+{found.stdout.strip()}" if found.returncode == 0 else release
