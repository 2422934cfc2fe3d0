"""The predictor as an MLflow pyfunc: give it panel rows, get every sector's forecast.

MLflow keeps this file beside the model and runs it on loading ("models from code"); the trees are
LightGBM's own text, checked against their hashes, so that no pickle is involved.
"""

from pathlib import Path
from typing import Any

import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel

from data_profile.panel import Panel
from predictor.dataset import align, build
from predictor.storage import load


class LimitUpPredictor(PythonModel):
    """Forecasts from rows of date, instrument and fields."""

    def load_context(self, context: Any) -> None:
        """Read the model from the artifact `model`."""
        self.model = load(Path(context.artifacts["model"])).model

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """One row for each (date, instrument) given: score and the three calibrated numbers.

        Parameters
        ----------
        context, params
            MLflow's; not used.
        model_input
            Columns date, instrument and the fields that the features read, as known at 15:45 of
            each date. Look-backs reach only as far as the rows given.
        """
        panel = Panel.from_frame(model_input)
        dataset = build(align(panel, panel), self.model.features)
        row, column = dataset.present.nonzero()
        said = self.model.predict(dataset.values[row, column])
        ids = pd.Series(dataset.sectors, dtype=object).to_numpy()
        return pd.DataFrame(
            {
                "date": pd.DatetimeIndex(dataset.sessions[row]),
                "instrument": ids[column],
                "score": said.score,
                "expected_count": said.expected_count,
                "p_at_least_one": said.p_at_least_one,
                "p_surge": said.p_surge,
            }
        )


set_model(LimitUpPredictor())
