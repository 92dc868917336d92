"""Hostile model files: none runs code, none harms the process that would serve it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from firm.errors import ModelRefused
from firm.standing import Promotion
from headway.loading import loader
from tests.unit.training import hostile
from tests.unit.training.small import WORKFLOW
from training.fit import Fitted
from training.libxgboost import Booster
from training.safe import LARGEST_BYTES, load_safely
from training.scorer import FileScorer

NAMES = WORKFLOW.feature_names


def load(path: Path, inside: Path, **changed: int | str) -> FileScorer:
    """As if the file had been registered as it is, but for what is changed."""
    content = path.read_bytes() if path.is_file() else b""
    told = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), **changed}
    return load_safely(path, inside, str(told["sha256"]), int(told["size"]), NAMES, "1")


@pytest.fixture(scope="module")
def ubj(fitted: Fitted, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("sound") / "model.ubj"
    fitted.booster.save_model(path)
    return path.read_bytes()


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    folder = tmp_path / "artifacts"
    (folder / "1").mkdir(parents=True)
    return folder


@pytest.fixture
def sound(inside: Path, ubj: bytes) -> Path:
    path = inside / "1" / "model.ubj"
    path.write_bytes(ubj)
    return path


@pytest.fixture(scope="module")
def mark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whatever runs code makes this file."""
    return tmp_path_factory.mktemp("mark") / "code ran"


@pytest.fixture(scope="module")
def contents(ubj: bytes, mark: Path) -> dict[str, bytes]:
    found = hostile.contents(ubj, json.loads(Booster(ubj).to_json()), mark)
    assert tuple(found) == hostile.NAMES
    return found


def test_a_sound_model_scores_as_ever(sound: Path, inside: Path) -> None:
    row = (1000.0, None, 2.0, 0.4)
    digest = hashlib.sha256(sound.read_bytes()).hexdigest()
    plain = FileScorer(sound, digest, sound.stat().st_size, NAMES, "1")
    assert load(sound, inside).predict([row]) == plain.predict([row])


@pytest.mark.parametrize("name", hostile.NAMES)
def test_a_hostile_file_runs_no_code_and_harms_nobody(
    sound: Path, inside: Path, contents: dict[str, bytes], mark: Path, name: str
) -> None:
    """It is refused; or a byte was changed that makes another sound model of it."""
    sound.write_bytes(contents[name])
    if name.startswith("mutated"):
        with suppress(ModelRefused):
            scores = load(sound, inside).predict([(None,) * 4, (1e9, -1e9, 0.0, 1.0)])
            assert all(0 <= score <= 1 for score in scores)
    else:
        with pytest.raises(ModelRefused):
            load(sound, inside)
    assert not mark.exists()


def test_the_cases_are_many() -> None:
    assert len(hostile.NAMES) >= 60


def test_a_file_that_was_changed_after_it_was_registered_is_not_even_tried(
    sound: Path, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.safe.subprocess.run", None)
    with pytest.raises(ModelRefused, match="the file was changed"):
        load(sound, inside, sha256="0" * 64)
    with pytest.raises(ModelRefused, match="was cut off or replaced"):
        load(sound, inside, size=7)


def test_a_file_larger_than_any_model_is_not_read(
    sound: Path, inside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.truncate(sound, LARGEST_BYTES + 1)
    monkeypatch.setattr(Path, "read_bytes", None)
    with pytest.raises(ModelRefused, match="a model has at most"):
        load_safely(sound, inside, "0" * 64, LARGEST_BYTES + 1, NAMES, "1")


def test_only_a_plain_file_inside_the_folder_of_models_is_loaded(
    sound: Path, inside: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "model.ubj"
    outside.write_bytes(sound.read_bytes())
    for folder in ("link", "pipe", "folder"):
        (inside / folder).mkdir()
    (inside / "link" / "model.ubj").symlink_to(outside)
    os.mkfifo(inside / "pipe" / "model.ubj")
    (inside / "folder" / "model.ubj").mkdir()
    (inside / "linked").symlink_to(tmp_path, target_is_directory=True)
    (inside / "1" / "model.pkl").write_bytes(sound.read_bytes())
    size = sound.stat().st_size
    for path, words in (
        (outside, "leads out"),
        (inside / ".." / "model.ubj", "leads out"),
        (inside / "linked" / "model.ubj", "leads out"),
        (inside / "link" / "model.ubj", "leads out"),
        (Path("/dev/zero"), "is not called"),
        (inside / "1" / "model.pkl", "is not called"),
        (inside / "pipe" / "model.ubj", "is no plain file"),
        (inside / "folder" / "model.ubj", "is no plain file"),
        (inside / "none" / "model.ubj", "cannot be read"),
    ):
        with pytest.raises(ModelRefused, match=words):
            load(path, inside, size=size)


@pytest.mark.parametrize(
    "uri",
    ["models:/flow/1", "https://example.com/model.ubj", "file://elsewhere/model.ubj", "model.ubj"],
)
def test_only_files_of_this_machine_are_loaded(inside: Path, uri: str) -> None:
    made = Promotion("flow", "1", uri, "0" * 64, 10, "Ben", "Gus", "better", 1, {})
    with pytest.raises(ModelRefused, match="from a file of this machine"):
        loader(inside)(made, WORKFLOW)


def test_a_trial_has_little_memory_and_time(tmp_path: Path) -> None:
    """What takes more is ended, and nothing of it stays here."""
    script = "import os, training.tryout as t; t.limit(); {}"
    write = "os.write(os.open('file', os.O_CREAT | os.O_WRONLY), b'x')"
    for greedy in ("bytearray(2**31)", "exec('while True: pass')", write):
        argv = [sys.executable, "-c", script.format(greedy)]
        done = subprocess.run(argv, capture_output=True, check=False, cwd=tmp_path)  # noqa: S603 - our own
        assert done.returncode != 0


def test_a_trial_imports_nothing_heavy() -> None:
    """A promotion waits for it in each process."""
    script = "import sys, training.tryout; print(*sys.modules)"
    out = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    assert {"numpy", "pydantic", "xgboost", "mlflow", "pickle"}.isdisjoint(out.split())
