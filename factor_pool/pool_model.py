"""The alpha pool as an MLflow pyfunc: give it panel rows, get every factor's values.

MLflow keeps this file beside the model and runs it on loading ("models from code"), so that no
pickle is involved.
"""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from data_profile.panel import Panel
from factor_pool.expression import evaluate, parse


class AlphaPool(PythonModel):
    """Evaluates the pool's expressions on rows of date, instrument and fields."""

    def load_context(self, context: Any) -> None:
        """Read the factors from the artifact `pool`."""
        factors = json.loads(Path(context.artifacts["pool"]).read_text("utf-8"))["factors"]
        self.factors = {factor["id"]: parse(factor["expression"]) for factor in factors}

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Factor values, one column a factor id, one row for each listed (date, instrument).

        Parameters
        ----------
        context, params
            MLflow's; not used.
        model_input
            Columns date, instrument and the fields that the factors read. Look-backs reach only
            as far as the rows given.
        """
        panel = Panel.from_frame(model_input)
        row, column = panel.listed.nonzero()
        values = evaluate(list(self.factors.values()), panel)
        ids = pd.Series(panel.instruments, dtype=object)
        frame = pd.DataFrame(
            {"date": pd.DatetimeIndex(panel.sessions[row]), "instrument": ids.to_numpy()[column]}
        )
        for name, matrix in zip(self.factors, values, strict=True):
            frame[name] = matrix[row, column]
        return frame


set_model(AlphaPool())
