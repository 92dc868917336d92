"""Import this before `mlflow`: it reads the switch for its telemetry once, at import."""

from __future__ import annotations

import os

SWITCHES = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
"""What has to stand in the environment of any process that runs MLflow."""

os.environ.update(SWITCHES)
