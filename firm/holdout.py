"""Subjects for which alerts lead to no action, so that it can be told what the actions change.

Who acts on a good alert prevents its label: without somebody who is left alone by chance, nobody
can tell a prevented case from a false alert. The choice is sticky: it hangs on the subject alone.
"""

from __future__ import annotations

import hashlib

from firm.ids import SubjectId
from firm.workflow import Workflow

REASON = "held out: the declared share of subjects is left alone, to tell what actions change"
_WHOLE = 1 << 64


def is_held_out(workflow: Workflow, subject: SubjectId) -> bool:
    """Whether a subject belongs to the workflow's holdout; always the same for the same subject."""
    if not workflow.watch.holdout:
        return False
    digest = hashlib.sha256(f"{workflow.slug}|{subject}".encode()).digest()
    return int.from_bytes(digest[:8]) < workflow.watch.holdout * _WHOLE
