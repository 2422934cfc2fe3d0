"""The predictor's data and model in Qlib's own interfaces, so that `qrun` can swap either.

`SectorHandler` gives any of Qlib's models this project's features and target; `HeadModel` is this
project's LightGBM heads as a model of Qlib's. docs/workflow.yaml shows both.

Importing this module imports Qlib, which takes seconds: nothing that predicts imports it.
"""

import numpy as np
import pandas as pd

from predictor.dataset import Dataset

LABEL = "limit_ups_next"
WAVE = "wave_next"


def frame(dataset: Dataset) -> pd.DataFrame:
    """The dataset as Qlib's handlers keep data.

    Parameters
    ----------
    dataset
        Of T sessions and S sectors.

    Returns
    -------
    pandas.DataFrame
        Index (datetime, instrument), sorted, one row for each sector that has one that session.
        Column groups: "feature", the features in their order; "label", the next session's
        limit-ups; "wave", 1 where the next session is one. float32; NaN is missing.
    """
    row, column = dataset.present.nonzero()
    index = pd.MultiIndex.from_arrays(
        [
            pd.DatetimeIndex(dataset.sessions[row]).astype("datetime64[ns]"),
            np.array(dataset.sectors, dtype=object)[column],
        ],
        names=["datetime", "instrument"],
    )
    targets = np.stack([dataset.count[row, column], dataset.surge[row, column]], axis=1)
    columns = [("feature", name) for name in dataset.names] + [("label", LABEL), ("wave", WAVE)]
    values = np.concatenate([dataset.values[row, column], targets], axis=1)
    found = pd.DataFrame(values, index, pd.MultiIndex.from_tuples(columns), dtype="float32")
    return found.sort_index()
