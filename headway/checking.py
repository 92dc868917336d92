"""What `headway check` does: every declaration and every mapping, and all that is wrong in all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from features.names import check_names
from firm.declared import Problem
from firm.errors import DeclarationError
from firm.events import Fact
from firm.mapping import LogMapping, check_facts, read_mapping
from firm.trying import try_out
from firm.workflow import Workflow
from headway.catalogue import facts_of, mapping_paths, same_slug
from headway.declarations import Declaration, declarations

CARD = "card.md"


@dataclass
class Checked:
    """What is declared, and what is wrong with it.

    Attributes:
        workflows: those that could be made, by slug.
        facts: of all of them and of those that are wrong, by type.
        unloaded: folders of which nothing could be loaded, so that their facts are not known.
    """

    workflows: dict[str, Workflow] = field(default_factory=dict)
    logs: dict[str, LogMapping] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    facts: dict[str, type[Fact]] = field(default_factory=lambda: facts_of({}))
    unloaded: set[Path] = field(default_factory=set)


def check_everything() -> Checked:
    """Load all declarations and mappings, those inside and those outside, and try them out."""
    found = Checked()
    for declaration in declarations():
        _check_declaration(declaration, found)
    _check_mappings(found)
    try:
        check_names(found.workflows.values())
    except DeclarationError as error:
        found.problems += _problems(error)
    return found


def _check_declaration(declaration: Declaration, found: Checked) -> None:
    workflows, problems = declaration.loaded()
    found.problems += problems
    if not workflows and declaration.folder is not None:
        found.unloaded.add(declaration.folder)
    for workflow in workflows:
        found.facts |= {fact.type: fact for fact in getattr(workflow, "facts", ())}
        if not problems:
            _check_workflow(workflow, declaration.where, found)
    if declaration.folder is not None and not (declaration.folder / CARD).is_file():
        reason = f"there is no {CARD}: say purpose, data, label, limits, owner, who is affected"
        found.problems.append(Problem(str(declaration.folder), "model card", reason))


def _check_workflow(workflow: Workflow, where: str, found: Checked) -> None:
    if workflow.slug in found.workflows:
        found.problems.append(same_slug(where, workflow))
    found.workflows[workflow.slug] = workflow
    tried = try_out(workflow)
    found.problems += (Problem(where, f"{workflow.slug}, {what}", why) for what, why in tried)


def _check_mappings(found: Checked) -> None:
    seen: dict[str, Path] = {}
    for file in mapping_paths():
        if (other := seen.setdefault(file.parent.name, file)) != file:
            found.problems.append(Problem(str(file), "", f"{other} has the same name; rename one"))
            continue
        try:
            mapping = read_mapping(file)
            if not any(file.is_relative_to(folder) for folder in found.unloaded):
                check_facts(mapping, found.facts)
            found.logs[file.parent.name] = mapping
        except DeclarationError as error:
            found.problems += (Problem(str(file), "", problem) for problem in error.problems)


def _problems(error: DeclarationError) -> list[Problem]:
    return [Problem(error.where, "", problem) for problem in error.problems]
