"""How much memory a process has held."""

from __future__ import annotations

import resource
from pathlib import Path


def peak_mib() -> float:
    """The most that this process has held. Linux counts into `ru_maxrss` what the parent held when
    it started the process, so it is read from elsewhere there; macOS counts in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
