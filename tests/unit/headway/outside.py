"""A folder of workflows outside of the house, and a declaration for it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import workflows
from headway import declarations
from headway.cli import app

DECLARATION = """
from firm.vocabulary import events, series
from firm.workflow import (
    Band, Feature, Gates, Label, ModelSpec, Policy, Slo, Workflow,
)
from .fold import LoanMoved, fold, settle

WORKFLOW = Workflow(
    slug="{slug}",
    question="Will the loan be refused?",
    owner="Head of lending",
    subject="loan",
    facts=(LoanMoved,),
    triggers=(LoanMoved,),
    fold=fold,
    features=(
        Feature(name="amount", of=series("amount").last(), unit="EUR", why="large ones are refused",
                source="the application"),
        Feature(name="moves", of=events().count(), unit="count", why="long ways end badly",
                source="the application"),
    ),
    label=Label(question="it is refused", settle=settle, maturity_days=30),
    rule=events().count() * 0,
    model=ModelSpec(parameters={{"max_depth": 2}}, rounds=20, gates=Gates(auc=0.6)),
    step=lambda entry: str(entry.values["step"]),
    policy=Policy(bands=(Band(name="calm", at_least=0, because="nothing is done"),)),
    slo=Slo(latency_p99_ms=50, freshness_days=60),
    lateness_days=10,
    risk_class="minimal",
)
"""
FOLD = '''
from typing import ClassVar
from firm.events import Fact
from firm.history import Outcome

class LoanMoved(Fact):
    """A loan took a step."""

    type: ClassVar[str] = "{slug}.moved"
    subject_kind: ClassVar[str] = "loan"
    step: str
    amount: float | None = None

def fold(event):
    return {{"step": event.fact.step, "amount": event.fact.amount}}

def settle(entries):
    last = entries[-1]
    if last.values["step"] not in ("refused", "granted"):
        return {{}}
    refused = float(last.values["step"] == "refused")
    return {{entry.event: Outcome(refused, last.at) for entry in entries[:-1]}}
'''
MAPPING = """
name = "loans"
source = "/bank/loans"
separator = ";"
missing = ["", "?"]
[[event]]
type = "bank.loan"
fact = "{slug}.moved"
when = { activity = '^(Apply|Check|Decide)' }
id = ["case", "activity", "at"]
subject = { kind = "loan", from = "case" }
time = { from = "at", format = "%d/%m/%Y %H:%M" }
[event.fields]
amount = { from = "amount", as = "number" }
[event.fields.step]
from = "activity"
values = { Apply = "applied", Check = "checked", refused = "refused", granted = "granted" }
"""


def add(folder: Path, slug: str) -> Path:
    home = folder / slug
    home.mkdir(parents=True)
    (home / "__init__.py").write_text(DECLARATION.format(slug=slug))
    (home / "fold.py").write_text(FOLD.format(slug=slug))
    (home / "card.md").write_text("# Loans\n")
    (home / "mapping.toml").write_text(MAPPING.replace("{slug}", slug))
    return home


@pytest.fixture(autouse=True)
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "ours"
    folder.mkdir()
    monkeypatch.setenv("HEADWAY_WORKFLOWS", str(folder))
    before = set(sys.modules)
    yield folder
    for name in set(sys.modules) - before:
        if name.startswith("workflows."):
            del sys.modules[name]
    workflows.__path__ = [str(declarations.INSIDE)]


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))
