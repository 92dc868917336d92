"""Where workflows are declared: in the house, in the folder that the settings name, and in
installed packages; and how each declaration is loaded, with all that is wrong with it."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from traceback import extract_tb

import workflows
from firm.declared import Problem, collecting
from firm.errors import DeclarationError
from firm.workflow import Workflow
from headway.settings import Settings

INSIDE = Path(workflows.__file__).parent
ENTRY_POINTS = "headway.workflows"


@dataclass(frozen=True)
class Declaration:
    """A place that declares workflows.

    Attributes:
        where: the module or the entry point.
        load: imports it; returns a workflow, or a module with WORKFLOW or WORKFLOWS.
        folder: in which it lies, with its card and its mapping; None if there is none.
    """

    where: str
    load: Callable[[], object]
    folder: Path | None = None

    def loaded(self) -> tuple[tuple[Workflow, ...], list[Problem]]:
        """What it declares, its WORKFLOW or the variants in its WORKFLOWS, and what is wrong.

        What is declared wrongly is not kept: it is loaded anew the next time.
        """
        before = set(sys.modules)
        with collecting() as problems:
            try:
                found = _workflows_of(self.load())
            except Exception as error:
                problems.append(self._raised(error))
                found = ()
            else:
                if not found:
                    reason = "it has no WORKFLOW; see workflows/delivery_risk"
                    problems.append(Problem(self.where, "", reason))
        if problems:
            for module in set(sys.modules) - before:
                if self.folder is not None and _lies_in(self.folder, module):
                    del sys.modules[module]
        return found, problems

    def _raised(self, error: Exception) -> Problem:
        where = self.where
        if isinstance(error, SyntaxError) and error.filename:
            where = f"{error.filename}:{error.lineno}"
        elif self.folder is not None:
            lines = [f for f in extract_tb(error.__traceback__) if _is_in(self.folder, f.filename)]
            where = f"{lines[-1].filename}:{lines[-1].lineno}" if lines else where
        if isinstance(error, DeclarationError):
            return Problem(where, "", "; ".join(error.problems))
        return Problem(where, "", f"{type(error).__name__}: {error}")


def declarations() -> Iterator[Declaration]:
    """All of them, those of folders first.

    A folder of the settings is searched as if its folders lay in `workflows/`, so that they import
    their own modules in the same way.
    """
    outside = Settings().workflows
    workflows.__path__ = [str(INSIDE), *([str(outside.resolve())] if outside else [])]
    found = [(m.name, Path(path)) for path in workflows.__path__ for m in _modules(path)]
    names = [name for name, _ in found]
    for name, path in sorted(found):
        if names.count(name) > 1:
            yield Declaration(str(path / name), _refused, path / name)
        else:
            yield _module(f"workflows.{name}", path / name)
    for point in entry_points(group=ENTRY_POINTS):
        yield Declaration(f"{point.name} = {point.value}", point.load, folder_of(point))


def folder_of(point: EntryPoint) -> Path | None:
    """The folder of an entry point's module; None for a module in no package, which lies among all
    that is installed, and where the package cannot be imported, as is said when it is loaded."""
    try:
        spec = find_spec(point.module)
    except Exception:
        return None
    if spec is None or spec.origin is None:
        return None
    in_package = spec.submodule_search_locations is not None or "." in point.module
    return Path(spec.origin).parent if in_package else None


def _workflows_of(loaded: object) -> tuple[Workflow, ...]:
    one = loaded if isinstance(loaded, Workflow) else getattr(loaded, "WORKFLOW", None)
    found = tuple(getattr(loaded, "WORKFLOWS", (one,)))
    return found if all(isinstance(workflow, Workflow) for workflow in found) else ()


def _module(name: str, folder: Path) -> Declaration:
    return Declaration(name, lambda: importlib.import_module(name), folder)


def _modules(path: str) -> Iterator[pkgutil.ModuleInfo]:
    return pkgutil.iter_modules([path])


def _refused() -> object:
    raise DeclarationError("the catalogue", ["two folders have this name; rename yours"])


def _lies_in(folder: Path, module: str) -> bool:
    return _is_in(folder, getattr(sys.modules[module], "__file__", None) or "")


def _is_in(folder: Path, file: str) -> bool:
    return bool(file) and Path(file).is_relative_to(folder)
