"""What one would write in an afternoon: FastAPI, Feast's SDK and `Booster.inplace_predict`.

It keeps no record, knows no callers and does not look at how old the features are.
"""

import os

import numpy as np
import xgboost
from fastapi import FastAPI
from feast import FeatureStore
from pydantic import BaseModel

store = FeatureStore(os.environ["FEAST_REPO"])
view, key = os.environ["VIEW"], os.environ["JOIN_KEY"]
names = os.environ["FEATURES"].split(",")
references = [f"{view}:{name}" for name in names]
booster = xgboost.Booster(model_file=os.environ["MODEL"])
booster.set_param({"nthread": 1})
app = FastAPI()


class Asked(BaseModel):
    """Whom to score."""

    subject: str


@app.post("/score")
def score(asked: Asked) -> dict[str, float]:
    """The probability of one subject."""
    found = store.get_online_features(references, [{key: asked.subject}]).to_dict()
    row = np.array([[found[name][0] for name in names]], dtype=np.float32)
    return {"probability": float(booster.inplace_predict(row)[0])}
