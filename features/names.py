"""What a workflow's views, keys and fields are called in Feast, and when names would collide."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from features.layout import field_hash
from firm.errors import DeclarationError
from firm.workflow import Workflow

PROJECT = "headway"
POSITION = "position"
"""Where in the log the value stands; what is older never replaces what is newer."""
EVENT_TIME = "event_time"
STATE = "state"
GROUP = "group"
GROUP_FIELDS = (POSITION, STATE)


def join_key(subject: str) -> str:
    """The column that names a subject of this kind."""
    return f"{subject}_id"


def groups_view(workflow: Workflow) -> str:
    """The view that holds the states of the workflow's groups."""
    return f"{workflow.slug}_groups"


def pool_key(project: str, workflow: Workflow) -> str:
    """Where Redis keeps the set of the workflow's candidates, beside what is Feast's. It only ever
    grows: as of when somebody is a candidate, the state of the group of that key tells."""
    return f"headway:{project}:{workflow.slug}:candidates"


def subject_fields(workflow: Workflow) -> tuple[str, ...]:
    """The fields of the workflow's own view, the position first."""
    return (POSITION, EVENT_TIME, STATE, *workflow.feature_names)


def check_names(workflows: Iterable[Workflow]) -> None:
    """Raise DeclarationError, with all problems, if Feast could not tell some names apart."""
    known = list(workflows)
    problems = [problem for workflow in known for problem in _reserved(workflow)]
    views = Counter(view for w in known for view in (w.slug, groups_view(w)))
    problems += [f"the view {view!r} would be there twice" for view in views if views[view] > 1]
    problems += _collisions(known)
    if problems:
        raise DeclarationError("the set of workflows", problems)


def _reserved(workflow: Workflow) -> Iterator[str]:
    taken = {POSITION, EVENT_TIME, STATE, "event_timestamp", "event_id", join_key(workflow.subject)}
    for name in workflow.feature_names:
        if name in taken:
            yield f"feature {name!r} of {workflow.slug!r} has a name that the store needs itself"


def _collisions(workflows: Iterable[Workflow]) -> Iterator[str]:
    """Feast tells the fields of one entity apart by 32 bits of a hash, and does not check it."""
    seen: dict[bytes, str] = {}
    for workflow in workflows:
        for name in subject_fields(workflow):
            field = f"{workflow.slug}:{name}"
            other = seen.setdefault(field_hash(workflow.slug, name), field)
            if other != field:
                yield f"{field!r} and {other!r} have the same hash in Feast: rename one of them"
