"""Finds the declared workflows and the mappings of logs: those that come with the house, those in
the folder that the settings name, and those of installed packages."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path

from pydantic import ValidationError

import data
import workflows
from firm.canonical import Canonicaliser
from firm.errors import DeclarationError, UnknownWorkflow
from firm.events import Fact, ScoreRequested
from firm.mapping import LogMapping, check_facts, problems_of, read_mapping
from firm.workflow import Workflow
from headway.settings import Settings

DATA = Path(data.__file__).parent
INSIDE = Path(workflows.__file__).parent
ENTRY_POINTS = "headway.workflows"
MAPPING = "mapping.toml"


def declared() -> dict[str, Workflow]:
    """Every workflow by slug.

    Raises:
        DeclarationError: some are declared wrongly; all that is wrong with them is named.
    """
    found: dict[str, Workflow] = {}
    wrong: list[DeclarationError] = []
    for where, load in _declarations():
        try:
            for workflow in _checked(where, load):
                if workflow.slug in found:
                    raise DeclarationError(where, [f"slug {workflow.slug!r} is declared twice"])
                found[workflow.slug] = workflow
        except DeclarationError as error:
            wrong.append(error)
    _raise_all(wrong)
    return found


def workflow_named(slug: str) -> Workflow:
    """The workflow of this slug; raises UnknownWorkflow."""
    known = declared()
    if slug not in known:
        raise UnknownWorkflow(f"no workflow {slug!r} is declared; there are {sorted(known)}")
    return known[slug]


def mapping_files() -> dict[str, Path]:
    """The mapping file of each log by the log's name, that of its folder.

    Raises:
        DeclarationError: two logs have the same name.
    """
    found: dict[str, Path] = {}
    for file in _mapping_files():
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
    facts.add(ScoreRequested)
    return {fact.type: fact for fact in facts}


def check() -> tuple[dict[str, Workflow], dict[str, LogMapping]]:
    """Every workflow and every mapping, the mappings held against the facts.

    Raises:
        DeclarationError: some are wrong; all that is wrong with them is named.
    """
    known, logs = declared(), mappings()
    wrong = []
    for mapping in logs.values():
        try:
            check_facts(mapping, facts_of(known))
        except DeclarationError as error:
            wrong.append(error)
    _raise_all(wrong)
    return known, logs


def _declarations() -> Iterator[tuple[str, Callable[[], object]]]:
    """Where each workflow is declared, and how to load it.

    A folder of the settings is searched as if its folders lay in `workflows/`, so that they import
    their own modules in the same way.
    """
    outside = Settings().workflows
    workflows.__path__ = [str(INSIDE), *([str(outside.resolve())] if outside else [])]
    names = [m.name for path in workflows.__path__ for m in pkgutil.iter_modules([path])]
    for name in sorted(set(names)):
        yield _named(f"workflows.{name}", twice=names.count(name) > 1)
    for point in entry_points(group=ENTRY_POINTS):
        yield f"{point.name} = {point.value}", point.load


def _named(module: str, twice: bool) -> tuple[str, Callable[[], object]]:
    def load() -> object:
        if twice:
            raise DeclarationError(module, ["two folders have this name; rename yours"])
        return importlib.import_module(module)

    return module, load


def _checked(where: str, load: Callable[[], object]) -> tuple[Workflow, ...]:
    """What a folder declares: its WORKFLOW, or the variants in its WORKFLOWS."""
    try:
        loaded = load()
    except ValidationError as error:
        raise DeclarationError(where, problems_of(error)) from error
    except (ImportError, SyntaxError, AttributeError, TypeError, NameError, ValueError) as error:
        raise DeclarationError(where, [f"{type(error).__name__}: {error}"]) from error
    one = loaded if isinstance(loaded, Workflow) else getattr(loaded, "WORKFLOW", None)
    found = tuple(getattr(loaded, "WORKFLOWS", (one,)))
    if not found or not all(isinstance(workflow, Workflow) for workflow in found):
        raise DeclarationError(where, ["it has no WORKFLOW; see workflows/delivery_risk"])
    return found


def _mapping_files() -> Iterator[Path]:
    yield from sorted(DATA.glob(f"*/{MAPPING}"))
    if (outside := Settings().workflows) is not None:
        yield from sorted(outside.resolve().rglob(MAPPING))
    for point in entry_points(group=ENTRY_POINTS):
        yield from sorted(_folder(point).rglob(MAPPING))


def _folder(point: EntryPoint) -> Path:
    spec = find_spec(point.module)
    if spec is None or spec.origin is None:
        raise DeclarationError(point.value, ["the package of this entry point has no folder"])
    return Path(spec.origin).parent


def _raise_all(wrong: list[DeclarationError]) -> None:
    if len(wrong) == 1:
        raise wrong[0]
    if wrong:
        problems = [f"{error.where}: {problem}" for error in wrong for problem in error.problems]
        raise DeclarationError("the catalogue", problems)
