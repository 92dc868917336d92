"""A file that whoever comes first makes, and that all others then read."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path


def make_once(file: Path, content: bytes) -> bytes:
    """What the file holds: `content`, unless it was there before or another process was faster.

    Only its owner can read it; it never is there in part.
    """
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = file.with_suffix(f".{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_bytes(content)
        with suppress(FileExistsError):
            file.hardlink_to(draft)
        draft.unlink()
    return file.read_bytes()
