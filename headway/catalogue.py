"""Finds the declared workflows and the mappings of logs: those that come with the house, those in
the folder that the settings name, and those of installed packages."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import data
from firm.canonical import Canonicaliser
from firm.declared import Problem
from firm.errors import DeclarationError, UnknownWorkflow
from firm.events import Fact, ScoreRequested
from firm.mapping import LogMapping, read_mapping
from firm.reported import OutcomeReported
from firm.workflow import Workflow
from headway.declarations import ENTRY_POINTS, declarations, folder_of
from headway.settings import Settings

DATA = Path(data.__file__).parent
MAPPING = "mapping.toml"
CARD = "card.md"


def declared() -> dict[str, Workflow]:
    """Every workflow by slug.

    Raises:
        DeclarationError: some are declared wrongly; all that is wrong with them is named.
    """
    found: dict[str, Workflow] = {}
    wrong: list[Problem] = []
    for declaration in declarations():
        declares, problems = declaration.loaded()
        wrong += problems
        for workflow in declares:
            if workflow.slug in found:
                wrong.append(same_slug(declaration.where, workflow))
            found[workflow.slug] = workflow
    if wrong:
        raise DeclarationError("the catalogue", [str(problem) for problem in wrong])
    return found


def same_slug(where: str, workflow: Workflow) -> Problem:
    """That a workflow has the slug of an earlier one."""
    return Problem(where, "", f"slug {workflow.slug!r} is declared twice; rename one")


def workflow_named(slug: str) -> Workflow:
    """The workflow of this slug; raises UnknownWorkflow."""
    known = declared()
    if slug not in known:
        raise UnknownWorkflow(f"no workflow {slug!r} is declared; there are {sorted(known)}")
    return known[slug]


def card_of(slug: str) -> str:
    """What the model card in a workflow's folder says; empty where it has none."""
    for declaration in declarations():
        loaded, _ = declaration.loaded()
        if declaration.folder is not None and slug in {workflow.slug for workflow in loaded}:
            file = declaration.folder / CARD
            return file.read_text(encoding="utf-8") if file.is_file() else ""
    return ""


def mapping_files() -> dict[str, Path]:
    """The mapping file of each log by the log's name, that of its folder.

    Raises:
        DeclarationError: two logs have the same name.
    """
    found: dict[str, Path] = {}
    for file in mapping_paths():
        if (other := found.setdefault(file.parent.name, file)) != file:
            raise DeclarationError(str(file), [f"{other} has the same name; rename one folder"])
    return found


def mappings() -> dict[str, LogMapping]:
    """The mapping of each log by the log's name.

    Raises:
        DeclarationError: some are wrong; all that is wrong with them is named.
    """
    found: dict[str, LogMapping] = {}
    wrong: list[DeclarationError] = []
    for name, file in mapping_files().items():
        try:
            found[name] = read_mapping(file)
        except DeclarationError as error:
            wrong.append(error)
    _raise_all(wrong)
    return found


def canonicaliser(known: dict[str, Workflow]) -> Canonicaliser:
    """One that knows every declared fact and every mapping."""
    return Canonicaliser(facts_of(known).values(), mappings().values())


def facts_of(known: dict[str, Workflow]) -> dict[str, type[Fact]]:
    """Every fact that a workflow folds or the stream takes, by its type."""
    facts: set[type[Fact]] = {fact for workflow in known.values() for fact in workflow.facts}
    facts |= {ScoreRequested, OutcomeReported}
    return {fact.type: fact for fact in facts}


def mapping_paths() -> Iterator[Path]:
    """The files of all mappings, those inside first."""
    yield from sorted(DATA.glob(f"*/{MAPPING}"))
    if (outside := Settings().workflows) is not None:
        yield from sorted(outside.resolve().rglob(MAPPING))
    for point in entry_points(group=ENTRY_POINTS):
        if (folder := folder_of(point)) is not None:
            yield from sorted(folder.rglob(MAPPING))


def _raise_all(wrong: list[DeclarationError]) -> None:
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        problems = [f"{error.where}: {problem}" for error in wrong for problem in error.problems]
        raise DeclarationError("the catalogue", problems)
