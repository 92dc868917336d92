"""Kafka's jars from Maven Central: fetched once, checked against `kafka_jars.json`, and cached."""

import hashlib
import os
import shutil
import tempfile
from importlib import resources
from pathlib import Path

import msgspec

from headway.parts.errors import PartError
from headway.parts.locks import waiting_lock
from headway.parts.server import Progress, quiet

KAFKA_VERSION = "4.4.0"
COORDINATES = (f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}", "org.slf4j:slf4j-simple:1.7.36")
DRAFT_PREFIX = "fetching-"


def kafka_jars(cache: Path, on_progress: Progress = quiet) -> Path:
    """The folder under `cache` with Kafka's jars, fetched there if they are not whole.

    Safe when several processes come first at once; an interrupted fetch leaves nothing usable.
    """
    folder = cache.absolute() / f"kafka-{KAFKA_VERSION}"
    with waiting_lock(cache / "lock"):
        if faults(folder):
            on_progress(f"Fetching Apache Kafka {KAFKA_VERSION} from Maven Central (43 MiB, once)")
            _clear(cache, folder)
            _fetch(cache, folder)
    return folder


def faults(folder: Path) -> list[str]:
    """The names that are missing, changed, or not expected in a folder of jars."""
    expected = _manifest()
    found = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    same = {n for n in found & expected.keys() if _sha256(folder / n) == expected[n]}
    return sorted((expected.keys() | found) - same)


def _fetch(cache: Path, folder: Path) -> None:
    draft = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=cache))
    try:
        (draft / "lib").mkdir()
        for jar in _resolve(draft / "repository", folder):
            os.link(jar, draft / "lib" / jar.name)
        _refuse_faults(draft / "lib")
        (draft / "lib").rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _resolve(repository: Path, folder: Path) -> list[Path]:
    """Download the jars and all they need, into `repository`."""
    from jgo.maven import (  # noqa: PLC0415  (a tenth of a second, for who has no jars yet)
        MavenContext,
        PythonResolver,
    )

    context = MavenContext(PythonResolver(), repo_cache=repository, local_repos=[])
    try:
        wanted = [context.create_dependency(name) for name in COORDINATES]
        inputs, needed = context.resolver.resolve(wanted)
        return [Path(found.artifact.resolve()) for found in (*inputs, *needed)]
    except (OSError, RuntimeError, ValueError) as error:
        sources = ", ".join(context.remote_repos.values())
        raise PartError(
            f"Apache Kafka's jars could not be fetched from {sources}: {error}. "
            f"Check the network and the proxy (HTTPS_PROXY), copy {folder} from a machine "
            "that has it, or set the address of a Kafka of your own."
        ) from error


def _refuse_faults(folder: Path) -> None:
    if wrong := faults(folder):
        raise PartError(
            f"jars of Apache Kafka {KAFKA_VERSION} are not the expected ones: {', '.join(wrong)}. "
            "Something between here and Maven Central changed or cut them: try again, and if it "
            "stays so, ask who runs the proxy."
        )


def _clear(cache: Path, folder: Path) -> None:
    """Remove what an interrupted fetch or a damaged disk left."""
    for leftover in (folder, *cache.glob(f"{DRAFT_PREFIX}*")):
        shutil.rmtree(leftover, ignore_errors=True)


def _manifest() -> dict[str, str]:
    """SHA-256 by jar name, as measured when this version was chosen."""
    text = resources.files("headway.parts").joinpath("kafka_jars.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, str])


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
