"""A workflow in a folder outside is found, checked and judged like those inside."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.headway.outside import add, outside, run

__all__ = ["outside"]


def write_log(file: Path) -> None:
    luck = random.Random(5)  # noqa: S311 - a log is no secret
    lines = ["case;activity;at;amount"]
    for number in range(300):
        at = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=8 * number)
        amount = luck.randrange(100)
        end = "refused" if luck.random() < amount / 100 else "granted"
        for day, activity in enumerate(["Apply", "Check", f"Decide {end}", "Coffee"]):
            when = at + timedelta(days=day)
            lines.append(f"{number};{activity};{when:%d/%m/%Y %H:%M};{amount if day else '?'}")
    lines.append("301;Apply;soon;5")
    file.write_text("\n".join([*lines, lines[1]]) + "\n")


def test_it_is_found_and_checked(outside: Path) -> None:
    add(outside, "loan_one")
    found = json.loads(run("check", "--json").stdout)
    assert found["workflows"]["loan_one"] == "2 features, Head of lending"
    assert found["logs"]["loan_one"] == "/bank/loans"
    assert "delivery_risk" in found["workflows"]


def test_it_is_judged_on_a_log_of_its_own(outside: Path, tmp_path: Path) -> None:
    add(outside, "loan_two")
    write_log(tmp_path / "loans.csv")
    said = run(
        "evaluate", "loan_two", "--log", str(tmp_path / "loans.csv"),
        "--cut", "2024-03-01", "--retrain", "7d", "--json",
    )  # fmt: skip
    found = json.loads(said.stdout)
    assert found["mapping"] == "loans"
    assert (found["records"], found["events"], found["repeated"]) == (1202, 900, 1)
    assert found["refused"] == {"no-rule": 300, "invalid-value": 1}
    quality: dict[str, Any] = found["quality"]
    assert set(found["steps"]) == {"applied", "checked"}
    assert found["steps"]["checked"]["auc"] > 0.65
    assert quality["brier"] < quality["constant_brier"]
    assert {"n", "pr_auc", "ece"} <= set(quality)
    assert found["trained_on"]["trainings"] > 4


def test_a_mapping_that_is_named_is_used(outside: Path, tmp_path: Path) -> None:
    home = add(outside, "loan_three")
    write_log(tmp_path / "loans.csv")
    other = tmp_path / "other.toml"
    text = (home / "mapping.toml").read_text()
    other.write_text(text.replace('name = "loans"', 'name = "others"'))
    said = run(
        "evaluate", "loan_three", "--log", str(tmp_path / "loans.csv"),
        "--mapping", str(other), "--cut", "2024-03-01", "--json",
    )  # fmt: skip
    assert json.loads(said.stdout)["mapping"] == "others"


def test_all_that_is_wrong_outside_is_said_at_once(outside: Path) -> None:
    for slug, text in {
        "wrong_one": "import nothing_of_this_name",
        "wrong_two": "def (",
        "wrong_three": "",
        "delivery_risk": "",
    }.items():
        (outside / slug).mkdir()
        (outside / slug / "__init__.py").write_text(text)
    home = add(outside, "loan_five")
    file = home / "__init__.py"
    file.write_text(
        file.read_text().replace("owner=", "ovner=").replace("triggers=(LoanMoved,)", "triggers=()")
    )
    said = run("check")
    assert said.exit_code == 1
    words = " ".join(said.stderr.split())
    for problem in (
        "No module named 'nothing_of_this_name'",
        "SyntaxError",
        "it has no WORKFLOW",
        "two folders have this name",
        "ovner: Extra inputs",
        "owner: Field required",
    ):
        assert problem in words


def test_a_mapping_that_does_not_fit_its_fact_is_refused_with_all_its_problems(
    outside: Path, tmp_path: Path
) -> None:
    file = add(outside, "loan_seven") / "mapping.toml"
    text = file.read_text()
    file.write_text(
        text.replace("[event.fields.step]", "[event.fields.stage]").replace(
            'kind = "loan"', 'kind = "credit"'
        )
    )
    write_log(tmp_path / "loans.csv")
    judged = run(
        "evaluate", "loan_seven", "--log", str(tmp_path / "loans.csv"), "--cut", "2024-03-01"
    )
    for said in (run("check"), judged):
        words = " ".join(said.stderr.split())
        assert said.exit_code == 1
        assert "has no field 'stage'" in words
        assert "needs the field 'step'" in words
        assert "speaks of a loan, not of a credit" in words


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--log", "nowhere.csv", "--cut", "2024-03-01"], "there is no file"),
        (["--log", "{log}", "--cut", "2024-03-01", "--retrain", "often"], "--retrain takes a time"),
        (["--log", "{log}", "--cut", "2030-01-01"], "choose an earlier cut"),
        (["--log", "{log}", "--cut", "2010-01-01"], "choose a later cut"),
        (["--log", "{log}", "--cut", "2024-03-01", "--mapping", "none"], "no mapping file none"),
    ],
)
def test_what_cannot_be_done_is_said(
    outside: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    add(outside, "loan_six")
    write_log(tmp_path / "loans.csv")
    filled = [word.replace("{log}", str(tmp_path / "loans.csv")) for word in words]
    found = run("evaluate", "loan_six", *filled)
    assert found.exit_code == 1
    assert said in " ".join(found.stderr.split())
