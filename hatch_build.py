"""Compiles what scores when Headway is installed; without it, models score with XGBoost itself."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import sys_tags

SOURCE = "training/walker.c"
LIBRARY = "training/libwalker.so"
OPTIONS = ("-std=c11", "-O2", "-ffp-contract=off", "-shared", "-fPIC")


class CompileWalker(BuildHookInterface):  # type: ignore[type-arg]
    """Compiles with the machine's C compiler, or with Zig's from a wheel where there is none."""

    def dependencies(self) -> list[str]:
        """What the build needs: a compiler as a wheel, if the machine has none."""
        return [] if _compiler() else ["ziglang>=0.13"]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and mark the wheel as one for this kind of machine."""
        root = Path(self.root)
        command = [*(_compiler() or _zig()), *OPTIONS, "-o", LIBRARY, SOURCE, "-lm"]
        made = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if made.returncode != 0:
            self.app.display_warning(f"{SOURCE} was not compiled: {made.stderr[:500]}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{next(sys_tags()).platform}"


def _compiler() -> list[str]:
    found = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    return [found] if found else []


def _zig() -> list[str]:
    return [sys.executable, "-m", "ziglang", "cc"] if find_spec("ziglang") else ["cc"]
