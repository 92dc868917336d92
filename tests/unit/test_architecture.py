"""The house's rules about itself: who imports whom, whose names are taken, what stays readable."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ROOMS: list[str] = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
LINT = Path(sys.executable).with_name("lint-imports")
READ_FIRST = ("README.md", "firm/events.py", "workflows/delivery_risk/*.py", "firm/handlers.py")
LINES_BELOW = 600

# What breaks each contract: a module that is put into a copy of the tree, and what it imports.
BREACHES = {
    "Imports point down": [
        ("firm/breach.py", "import workflows"),
        ("workflows/breach.py", "import features"),
        ("features/breach.py", "import stream"),
        ("stream/breach.py", "import serving"),
        ("serving/breach.py", "import training"),
        ("training/breach.py", "import monitoring"),
        ("monitoring/breach.py", "import simulator"),
        ("simulator/breach.py", "import headway"),
    ],
    "Workflows do not know one another": [
        ("workflows/breach.py", "import workflows.delivery_risk"),
    ],
    "The firm knows nothing of Kafka, Feast, MLflow, the web or pandas": [
        ("firm/breach.py", "import aiokafka"),
        ("firm/store/breach.py", "import pandas"),
    ],
    "Faust has one door": [("headway/breach.py", "import faust")],
    "Feast has one door": [("stream/breach.py", "import feast")],
    "MLflow and XGBoost have one door": [
        ("serving/breach.py", "import xgboost"),
        ("headway/breach.py", "import mlflow"),
    ],
    "Evidently has one door": [("training/breach.py", "import evidently")],
    "Only the fairness job opens the vault": [
        ("headway/breach.py", "import headway.fairness.vault"),
        ("stream/breach.py", "from headway.fairness import vault"),
    ],
    "What serves imports no pandas, MLflow, Evidently or Feast": [
        ("serving/breach.py", "import pandas"),
    ],
}
CASES = [(contract, *breach) for contract, breaches in BREACHES.items() for breach in breaches]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the rooms."""
    folder = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for room in ROOMS:
        shutil.copytree(
            ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "*.gz")
        )
    return folder


@pytest.fixture
def breach(tree: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A module that breaks a contract; returns its name. It goes again after the test."""
    file, words = request.param
    module = tree / file
    assert not module.exists()
    module.write_text(f"{words}\n")
    yield file.removesuffix(".py").replace("/", ".")
    module.unlink()


def test_the_imports_hold() -> None:
    linted = lint(ROOT)
    assert linted.returncode == 0, linted.stdout


def test_the_copy_that_the_breaches_are_put_into_holds(tree: Path) -> None:
    linted = lint(tree)
    assert linted.returncode == 0, linted.stdout


def test_every_contract_is_broken_on_purpose() -> None:
    contracts = [c["name"] for c in PYPROJECT["tool"]["importlinter"]["contracts"]]
    assert sorted(contracts) == sorted(BREACHES)


@pytest.mark.parametrize(
    ("contract", "breach"),
    [pytest.param(c, (f, w), id=f"{f}: {w}") for c, f, w in CASES],
    indirect=["breach"],
)
def test_a_forbidden_import_breaks_its_contract(tree: Path, contract: str, breach: str) -> None:
    linted = lint(tree)
    assert linted.returncode == 1, linted.stdout
    assert f"{contract} BROKEN" in linted.stdout
    _, reasons = linted.stdout.split("Broken contracts", 1)
    assert breach in reasons


def test_every_room_is_linted_and_typed() -> None:
    """`data` holds no code: it is a folder of files that the wheel carries."""
    rooms = sorted(set(ROOMS) - {"data"})
    assert sorted(PYPROJECT["tool"]["importlinter"]["root_packages"]) == rooms
    assert sorted(PYPROJECT["tool"]["mypy"]["packages"]) == rooms
    assert [file.name for file in (ROOT / "data").rglob("*.py")] == ["__init__.py"]


def test_no_installed_distribution_owns_one_of_our_names() -> None:
    owners = packages_distributions()
    assert {room: set(owners.get(room, ())) - {"headway"} for room in ROOMS} == {
        room: set() for room in ROOMS
    }


@pytest.mark.parametrize("room", ROOMS)
def test_our_names_mean_our_folders(room: str) -> None:
    """Nothing of that name lies in site-packages, owned or not, unless it is ours."""
    for place in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for taken in (Path(place) / room, Path(place) / f"{room}.py"):
            assert not taken.exists() or taken.resolve() == ROOT / room


def test_what_a_newcomer_reads_stays_short() -> None:
    """How a score comes about can be read in less than six hundred lines."""
    files = sorted(file for pattern in READ_FIRST for file in ROOT.glob(pattern))
    lines = {str(file.relative_to(ROOT)): len(file.read_text().splitlines()) for file in files}
    assert {Path(pattern).parts[0] for pattern in READ_FIRST} == {
        Path(name).parts[0] for name in lines
    }
    assert sum(lines.values()) < LINES_BELOW, lines


def test_no_file_names_the_host_of_a_package_registry() -> None:
    """Where packages come from is the machine's business: a mirror must work as well."""
    hosts = [
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("repo1", "maven", "org"),
        ("repo", "maven", "apache", "org"),
        ("central", "sonatype", "com"),
        ("registry", "npmjs", "org"),
        ("conda", "anaconda", "org"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("rubygems", "org"),
    ]
    assert mentions([".".join(host) for host in hosts]) == []


def test_no_file_names_a_path_outside_the_repository() -> None:
    assert mentions(["".join(parts) for parts in (("../", "shared"), ("/wo", "rk/"))]) == []


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the tree in a folder."""
    return subprocess.run(  # noqa: S603 - our own program and arguments
        [str(LINT), "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200"},
    )


def mentions(needles: list[str]) -> list[str]:
    """Where in our files one of the texts stands, as file:line: text."""
    wanted = re.compile("|".join(map(re.escape, needles)))
    return [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for file in ours()
        for number, line in enumerate(text_of(file).splitlines(), start=1)
        if wanted.search(line)
    ]


def ours() -> list[Path]:
    """The files of the repository: those that git knows, and new ones that it does not ignore."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - from the PATH, as everywhere
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    found = [ROOT / name for name in listed if name and (ROOT / name).is_file()]
    assert ROOT / "pyproject.toml" in found
    return found


def text_of(file: Path) -> str:
    """What a file says; nothing if it is no text."""
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""
