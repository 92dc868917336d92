"""`headway check` says all that is wrong, in all folders, at once: where, which part, and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.headway.outside import add, outside, run

__all__ = ["outside"]

GROUPS = 'groups=(GroupBy(name="all"), GroupBy(name="branch", key="brunch")),\n    label='
MISTAKES = {
    'why="large ones are refused",\n': 'why="large ones are refused", monotone=2,\n',
    'of=series("amount").last()': 'of=series("amuont").last()',
    'of=events().count(), unit="count"': 'of=known_rate("branhc", prior="all"), unit="count"',
    'name="moves"': 'name="amount"',
    "label=": GROUPS,
    "maturity_days=30": "maturity_days=-30",
    "gates=Gates(auc=0.6)": 'gates=Gates(auc=1.0), offset_by="stage"',
    "at_least=0,": "at_least=0.2,",
    "latency_p99_ms=50": "latency_p99_ms=0",
    'risk_class="minimal"': 'risk_class="high"',
}
"""What is written, and what is written instead."""


def spoil(file: Path, *changes: tuple[str, str]) -> None:
    text = file.read_text()
    for right, wrong in changes:
        assert right in text
        text = text.replace(right, wrong)
    file.write_text(text)


def problems() -> list[dict[str, str]]:
    said = run("check", "--json")
    assert said.exit_code == 1
    found: list[dict[str, str]] = json.loads(said.stdout)["problems"]
    return found


def reasons(slug: str) -> str:
    return "\n".join(f"{p['what']}: {p['reason']}" for p in problems() if slug in p["where"])


def test_ten_mistakes_in_one_folder_are_named_at_once(outside: Path) -> None:
    home = add(outside, "loan_wrong")
    file = home / "__init__.py"
    spoil(file, *MISTAKES.items(), ("import events, series", "import events, known_rate, series"))
    spoil(file, ("Gates, Label", "Gates, GroupBy, Label"))
    (home / "card.md").unlink()
    spoil(home / "mapping.toml", ("amount = {", "amuont = {"))
    found = reasons("loan_wrong")
    for problem in (
        "Feature 'amount': monotone: Input should be -1, 0 or 1 (got 2)",
        "Workflow 'loan_wrong': feature 'amount' is declared twice",
        "Workflow 'loan_wrong': feature 'amount' reads the group 'branhc', which is not declared",
        "Label: maturity_days: Input should be greater than 0 (got -30)",
        "Gates: auc: Input should be less than 1 (got 1.0)",
        "Workflow 'loan_wrong': offset_by names 'stage', which is no feature",
        "Policy: bands must start at 0 and rise; they start at [0.2]",
        "Slo: latency_p99_ms: Input should be greater than 0 (got 0)",
        "scores people (risk class high) and so needs a worker_notice",
        "model card: there is no card.md",
        "'loan_wrong.moved' has no field 'amuont'",
    ):
        assert problem in found
    lines = file.read_text().splitlines()
    (label,) = [p for p in problems() if p["what"] == "Label"]
    where, _, line = label["where"].rpartition(":")
    assert (where, "Label(" in lines[int(line) - 1]) == (str(file.resolve()), True)


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            'of=series("amount")',
            'of=series("amuont")',
            "feature 'amount': reads 'amuont', which the fold never gives; it gives "
            "['amount', 'step']",
        ),
        (
            'of=series("amount")',
            'of=series("step")',
            "feature 'amount': reads 'step' as a number, but the fold gives a text",
        ),
        (
            'of=series("amount")',
            'of=texts("amount")',
            "feature 'amount': reads 'amount' as a text, but the fold gives a number",
        ),
        (
            "of=events()",
            'of=events("loan.paid")',
            "feature 'moves': reads events of type 'loan.paid', which are not folded",
        ),
        ("label=", GROUPS, "group 'branch': reads 'brunch', which the fold never gives"),
        (
            "label=",
            'groups=(GroupBy(name="all", counts="observed"),), label=',
            "groups ['all'] count what is observed, but no observe tells them anything",
        ),
        (
            "label=",
            'observe=lambda entries: [Observation("al", None, 0, 1)], label=',
            "observe: tells the group 'al', which is not declared; there are []",
        ),
        (
            'step=lambda entry: str(entry.values["step"]),',
            "step=lambda entry: str(entry.value),",
            "step: raises AttributeError",
        ),
        (
            'step=lambda entry: str(entry.values["step"]),',
            "",
            "gates ask for quality at each step, but no step says",
        ),
        (
            '{"max_depth": 2}',
            '{"objective": "reg:squarederror", "max_depth": 2}',
            "parameter 'objective' would be overruled: scores are probabilities",
        ),
        ('subject="loan"', 'subject="client"', "LoanMoved speaks of a loan, but what is scored"),
        (
            'name="calm", at_least=0, because="nothing is done"',
            'name="calm", at_least=0, because="x"',
            "Band 'calm': because: String should have at least 3 characters",
        ),
    ],
)
def test_each_is_told_with_its_part(outside: Path, right: str, wrong: str, said: str) -> None:
    home = add(outside, "loan_spoilt")
    file = home / "__init__.py"
    spoil(file, ("import events, series", "import events, series, texts"), (right, wrong))
    spoil(file, ("Gates, Label", "Gates, GroupBy, Label"))
    spoil(file, ("from .fold", "from firm.groups import Observation\nfrom .fold"))
    if said.startswith("gates"):
        spoil(file, ("Gates(auc=0.6)", "Gates(auc=0.6, each_step=True)"))
    assert said in reasons("loan_spoilt")


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("event.fact.amount", "event.fact.amount / 0", "fold of LoanMoved: raises ZeroDivision"),
        ("event.fact.amount", "event.fact.amount + 1", "raises TypeError"),
        ("last = entries[-1]", "last = entries[2]", "label.settle: raises IndexError"),
    ],
    ids=["always", "where the amount is missing", "where there are few entries"],
)
def test_what_raises_on_a_sample_is_told(outside: Path, right: str, wrong: str, said: str) -> None:
    home = add(outside, "loan_raises")
    spoil(home / "fold.py", (right, wrong))
    assert said in reasons("loan_raises")


def test_the_mistakes_of_several_folders_are_told_together(outside: Path) -> None:
    one, two, three = (add(outside, f"loan_{name}") for name in ("red", "blue", "green"))
    (one / "fold.py").write_text("def fold(:\n")
    spoil(two / "fold.py", ("import Fact", "import Fakt"))
    spoil(three / "mapping.toml", ('as = "number"', 'as = "decimal"'))
    found: dict[str, str] = {}
    for problem in problems():
        name = Path(problem["where"].rsplit(":", 1)[0]).parent.name
        found[name] = found.get(name, "") + problem["reason"]
    assert "SyntaxError" in found["loan_red"]
    assert "cannot import name 'Fakt'" in found["loan_blue"]
    assert "Input should be 'text', 'number'" in found["loan_green"]
    assert len(found) == 3


def test_a_declaration_that_was_wrong_is_looked_at_anew_once_it_is_mended(outside: Path) -> None:
    file = add(outside, "loan_mended") / "__init__.py"
    text = file.read_text()
    spoil(file, ("maturity_days=30", "maturity_days=0"))
    assert "maturity_days" in reasons("loan_mended")
    assert "maturity_days" in reasons("loan_mended")
    file.write_text(text + "\n")
    assert run("check").exit_code == 0


def test_a_person_reads_one_line_a_mistake(outside: Path) -> None:
    spoil(add(outside, "loan_read") / "__init__.py", ("maturity_days=30", "maturity_days=0"))
    said = run("check")
    (line,) = said.stderr.splitlines()
    assert line.startswith("wrong: ")
    assert "Label: maturity_days: Input should be greater than 0" in line
