"""Import this before `mlflow`: it reads the switch for its telemetry once, at import."""

from __future__ import annotations

import logging
import os
import warnings

SWITCHES = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
"""What has to stand in the environment of any process that runs MLflow."""

os.environ.update(SWITCHES)
logging.getLogger("mlflow").setLevel(logging.WARNING)
warnings.filterwarnings(
    "ignore", message=r"[\s\S]*``noload`` loader strategy", module="mlflow"
)  # MLflow's own use of SQLAlchemy
