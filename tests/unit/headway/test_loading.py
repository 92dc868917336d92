"""What the API's process loads before it is ready, which is most of what it waits for."""

from __future__ import annotations

import subprocess
import sys

LEFT_TO_OTHERS = {"alembic", "evidently", "faust", "feast", "jgo", "mlflow", "pandas", "xgboost"}


def test_the_api_is_loaded_without_what_only_other_commands_need() -> None:
    script = "import sys, headway.cli, headway.api; print(*sys.modules)"
    out = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    assert "fastapi" in out.split()
    assert LEFT_TO_OTHERS.isdisjoint(out.split())
