"""Several commands of `headway` typed in one process, so that its libraries are loaded once.

Prints what they found as one JSON list; ends with an error at the first that fails.
"""

from __future__ import annotations

import json
import shlex
import sys

from typer.testing import CliRunner

from headway.cli import app


def main(commands: list[str]) -> None:
    found = []
    for command in commands:
        said = CliRunner().invoke(app, [*shlex.split(command), "--json"])
        if said.exit_code != 0:
            sys.exit(f"headway {command}: {said.stderr or said.exception!r}")
        found.append(json.loads(said.stdout))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
