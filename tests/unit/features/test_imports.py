"""What answers requests does not load Feast, pandas or any other heavy library."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
import features, features.online, features.errors, features.names
heavy = {"feast", "pandas", "numpy", "polars", "pyarrow", "dask", "duckdb", "google.protobuf"}
print(sorted(heavy & set(sys.modules)))
"""


def test_the_online_door_is_light() -> None:
    ran = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", PROGRAM], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert ran.stdout.strip() == "[]"
