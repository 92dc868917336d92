"""All that Feast's own command finds: the objects derived from every declared workflow.

Feast takes up what stands under a name of its own in this file; lists it passes over.
"""

from __future__ import annotations

import importlib
import pkgutil

import workflows
from features.derive import derive

_FOLDERS = [
    importlib.import_module(f"workflows.{module.name}")
    for module in pkgutil.iter_modules(workflows.__path__)
]
_DERIVED = derive(
    workflow
    for folder in _FOLDERS
    for workflow in getattr(folder, "WORKFLOWS", None) or (folder.WORKFLOW,)
)
globals().update({f"{type(found).__name__}_{found.name}": found for found in _DERIVED})
