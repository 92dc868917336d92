"""Load a model file that may be hostile: only the registered bytes, first tried out elsewhere.

MLflow's own way to load a model (`pyfunc`) is never taken: several of its flavours reach pickle or
run code that the model brings.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

from firm.errors import ModelRefused
from training.scorer import FileScorer, checked_bytes
from training.tryout import REFUSED

FILE_NAME = "model.ubj"
LARGEST_BYTES = 256 * 2**20
SECONDS = 20.0
"""How long a trial may take; its CPU time is limited to less (training.tryout)."""


def load_safely(
    path: Path, inside: Path, sha256: str, size: int, names: tuple[str, ...], version: str
) -> FileScorer:
    """A model that can score in this process.

    Raises:
        ModelRefused: the file is none of `inside`, not `model.ubj`, too large, not what was
            registered, harmed the process in which it was tried out, or does not fit the features.
    """
    _check_place(path, inside, size)
    _try_out(checked_bytes(path, sha256, size), names, path)
    return FileScorer(path, sha256, size, names, version)


def _check_place(path: Path, inside: Path, size: int) -> None:
    if path.name != FILE_NAME:
        raise ModelRefused(f"{path} is not called {FILE_NAME}: no other file is ever loaded")
    if not 0 < size <= LARGEST_BYTES:
        raise ModelRefused(
            f"{path} was registered with {size:,} bytes; a model has at most {LARGEST_BYTES:,}"
        )
    if not path.is_relative_to(inside) or path.resolve() != _real(path, inside):
        raise ModelRefused(f"{path} leads out of the folder of models ({inside})")
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        raise ModelRefused(f"{path} cannot be read ({error.strerror}); restore it") from error
    if not stat.S_ISREG(mode):
        raise ModelRefused(f"{path} is no plain file; restore it from the registry")


def _real(path: Path, inside: Path) -> Path:
    """Where a path leads if nothing below the folder is a link."""
    return inside.resolve() / path.relative_to(inside)


def _try_out(content: bytes, names: tuple[str, ...], path: Path) -> None:
    argv = [sys.executable, "-I", "-m", "training.tryout", json.dumps(names)]
    environment = {"OMP_NUM_THREADS": "1", "PATH": os.defpath}
    try:
        done = subprocess.run(  # noqa: S603 - our own program; the names are declared
            argv, input=content, capture_output=True, timeout=SECONDS, env=environment, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ModelRefused(f"{path} took longer than {SECONDS:g} s to be tried out") from error
    if done.returncode == REFUSED:
        raise ModelRefused(f"{path} was tried out: {done.stdout.decode(errors='replace')[:500]}")
    if done.returncode != 0:
        raise ModelRefused(
            f"{path} ended the process in which it was tried out ({_end(done.returncode)}): it "
            "takes more memory or time than a model may, or breaks XGBoost"
        )


def _end(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
