"""Finds the declared workflows and the mappings of the logs that come with the house."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from pydantic import ValidationError

import data
import workflows
from firm.canonical import Canonicaliser
from firm.errors import DeclarationError, UnknownWorkflow
from firm.events import Fact, ScoreRequested
from firm.mapping import LogMapping, problems_of, read_mapping
from firm.workflow import Workflow

DATA = Path(data.__file__).parent


def declared() -> dict[str, Workflow]:
    """Every workflow by slug.

    Raises:
        DeclarationError: one of them is declared wrongly; all that is wrong with it is named.
    """
    found = {}
    for module in pkgutil.iter_modules(workflows.__path__):
        workflow = _load(f"workflows.{module.name}")
        found[workflow.slug] = workflow
    return found


def workflow_named(slug: str) -> Workflow:
    """The workflow of this slug; raises UnknownWorkflow."""
    known = declared()
    if slug not in known:
        raise UnknownWorkflow(f"no workflow {slug!r} is declared; there are {sorted(known)}")
    return known[slug]


def mapping_files() -> dict[str, Path]:
    """The mapping file of each log by the log's name, that of its folder."""
    return {file.parent.name: file for file in sorted(DATA.glob("*/mapping.toml"))}


def mappings() -> dict[str, LogMapping]:
    """The mapping of each log by the log's name."""
    return {name: read_mapping(file) for name, file in mapping_files().items()}


def canonicaliser(known: dict[str, Workflow]) -> Canonicaliser:
    """One that knows every declared fact and every mapping."""
    facts: set[type[Fact]] = {fact for workflow in known.values() for fact in workflow.facts}
    return Canonicaliser([*facts, ScoreRequested], mappings().values())


def _load(module: str) -> Workflow:
    try:
        workflow = importlib.import_module(module).WORKFLOW
    except ValidationError as error:
        raise DeclarationError(module, problems_of(error)) from error
    except AttributeError as error:
        raise DeclarationError(
            module, ["it has no WORKFLOW; see workflows/delivery_risk"]
        ) from error
    if not isinstance(workflow, Workflow):
        raise DeclarationError(module, [f"WORKFLOW is a {type(workflow).__name__}"])
    return workflow
