"""Saves the model as MLflow does: MODEL from the environment, into the folder SAVED."""

import os

import mlflow.xgboost
import xgboost

booster = xgboost.Booster(model_file=os.environ["MODEL"])
mlflow.xgboost.save_model(booster, os.environ["SAVED"])
