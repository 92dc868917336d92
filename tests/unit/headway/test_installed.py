"""A workflow in an installed package is found, checked and judged like those inside: that of
docs/your-own-workflow.md. (`test_outside_docs` also trains one, scores by it and reports on it.)"""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from headway.catalogue import card_of
from headway.declarations import ENTRY_POINTS, folder_of
from tests.unit.headway.outside import run
from tests.unit.headway.packaged import FILES, PACKAGE, TEXT, install
from tests.unit.headway.test_outside_docs import COMMANDS, parts


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The package's folder; the page's other files are in the working directory."""
    for name, text in FILES.findall(TEXT):
        if "/" not in name:
            (tmp_path / name).write_text(text, encoding="utf-8")
    site = tmp_path / "site"
    install(site)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HEADWAY_WORKFLOWS", raising=False)
    monkeypatch.syspath_prepend(str(site))
    yield site / PACKAGE
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


def printed_after(words: str) -> str:
    """What the page says that the command with these words prints."""
    found = [part for console in COMMANDS.findall(TEXT) for part in parts(console)]
    return next(said for command, said in found if words in command)


def test_it_is_checked_with_the_mapping_and_the_card_beside_its_code() -> None:
    found = json.loads(run("check", "--json").stdout)
    assert found["workflows"]["order_returns"] == "2 features, Head of purchasing"
    assert found["logs"]["order_returns"] == "/office/orders"
    assert "delivery_risk" in found["workflows"]
    assert card_of("order_returns").startswith("# Order returns")


def test_it_is_judged_on_a_log_of_its_own_as_the_page_says() -> None:
    runpy.run_path("make_log.py")
    said = run("evaluate", "order_returns", "--log", "orders.csv", "--cut", "2024-08-01", "--json")
    assert said.exit_code == 0, said.stderr
    found = json.loads(said.stdout)
    assert found["mapping"] == "orders"
    assert f"{found['quality']} {found['refused']}" == printed_after("f['refused']")


@pytest.mark.parametrize("file", ["__init__.py", "order_returns/__init__.py"])
def test_one_that_cannot_be_loaded_is_named_and_the_others_are_checked(
    home: Path, file: str
) -> None:
    (home / file).write_text("def (")
    said = run("check")
    assert said.exit_code == 1
    heard = "".join(said.stderr.split())  # a terminal breaks long words
    assert "SyntaxError" in heard
    assert str(home / file) in heard
    assert "delivery_risk" not in heard


@pytest.mark.parametrize(
    ("module", "found"),
    [
        (f"{PACKAGE}.order_returns", f"{PACKAGE}/order_returns"),
        (f"{PACKAGE}.order_returns.fold", f"{PACKAGE}/order_returns"),
        (PACKAGE, PACKAGE),
        ("alone_among_all", None),
        ("nowhere_to_be_found", None),
    ],
)
def test_mappings_are_looked_for_in_its_package_and_not_in_all_that_is_installed(
    home: Path, module: str, found: str | None
) -> None:
    site = home.parent
    (site / "alone_among_all.py").write_text("WORKFLOW = None\n")
    folder = folder_of(EntryPoint("orders", f"{module}:WORKFLOW", ENTRY_POINTS))
    assert folder == (None if found is None else site / found)
