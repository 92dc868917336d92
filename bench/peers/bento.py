"""The model as a BentoML service; the features come in the body."""

import os

import bentoml
import numpy as np
import xgboost


@bentoml.service(workers=1, traffic={"timeout": 30})
class Score:
    """One model, one thread."""

    def __init__(self) -> None:
        self.booster = xgboost.Booster(model_file=os.environ["MODEL"])
        self.booster.set_param({"nthread": 1})

    @bentoml.api
    def predict(self, rows: list[list[float | None]]) -> list[float]:
        """The probability of each row."""
        return self.booster.inplace_predict(np.array(rows, dtype=np.float32)).tolist()
