"""Versions for tests on promotion: small real models, registered and signed as training does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from firm.decision import Person
from firm.promotion import Registration
from firm.standing import Promotion
from firm.store import SqlStore
from firm.workflow import Workflow
from headway.governance import Governance
from headway.settings import Settings
from headway.signing import Signer
from tests.stage import KEY
from workflows.delivery_risk import WORKFLOW

SCIENTIST = Person("Ben", frozenset({"data_scientist"}))
REVIEWER = Person("Gus", frozenset({"governance_reviewer"}))
TRAINER = "Ada"


def settings_of(home: Path, **addresses: Any) -> Settings:
    """A copy's settings on a folder of a test's own, with the audit key of the stage."""
    (home / "secrets").mkdir(parents=True, exist_ok=True)
    (home / "secrets" / "audit.key").write_bytes(KEY)
    return Settings(home=home, **addresses)


def model_file(
    folder: Path, score: float, names: Sequence[str] = WORKFLOW.feature_names, rounds: int = 5
) -> Path:
    """A model whose every score is near to the given one."""
    luck = np.random.default_rng(7)
    features = luck.random((200, len(names)))
    outcome = (np.arange(200) < 200 * score).astype(float)
    data = xgboost.DMatrix(features, outcome, feature_names=list(names))
    booster = xgboost.train(
        {"objective": "binary:logistic", "base_score": score, "max_depth": 2, "eta": 0.01},
        data,
        rounds,
    )
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "model.ubj"
    booster.save_model(file)
    return file


def registration(
    settings: Settings,
    version: str,
    score: float,
    workflow: Workflow = WORKFLOW,
    rounds: int = 5,
    **changed: Any,
) -> Registration:
    """What training would register of such a model."""
    folder = settings.artifacts / workflow.slug / version
    content = (file := model_file(folder, score, workflow.feature_names, rounds)).read_bytes()
    fields = {
        "workflow": workflow.slug,
        "version": version,
        "uri": file.as_uri(),
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": len(content),
        "trained_by": TRAINER,
        "at": 1,
        "gates": {"AUC": 0.8},
    }
    return Registration(**{**fields, **changed})


def registered(settings: Settings, store: SqlStore, version: str, score: float) -> None:
    """Register a version."""
    Governance(settings, store).register(registration(settings, version, score))


def promote_before(settings: Settings, store: SqlStore, made: Registration, **move: Any) -> None:
    """Sign a version into the record as was done before anybody asked what is asked now."""
    standing = Governance(settings, store).standing(made.workflow)
    fields = {
        n: getattr(made, n) for n in ("workflow", "version", "uri", "sha256", "size", "gates")
    }
    said = {"promoted_by": "ben", "approved_by": "gus", "why": "before", **move}
    place = {"at": standing.later(1), "after": standing.head}
    promotion = Promotion(**fields, **said, **place)
    store.promote(promotion, "governance", Signer(settings).sign(promotion))


def promote(governance: Governance, version: str, slug: str = WORKFLOW.slug) -> Promotion:
    """One person proposes, another agrees."""
    asked = governance.propose(slug, version, SCIENTIST, "better")
    return governance.agree(slug, asked.id, REVIEWER, "seen")
