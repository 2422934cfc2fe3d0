"""The predictor's data and model in Qlib's own interfaces, so that `qrun` can swap either.

`SectorHandler` gives any of Qlib's models this project's features and target; `OrderModel` is this
project's LightGBM heads as a model of Qlib's. `docs/workflow.yaml` runs either by Qlib's `qrun`;
`FolderExpManager` keeps what it records below the home folder.

Importing this module imports Qlib, which takes seconds: nothing that predicts imports it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from qlib.data.dataset import DatasetH
from qlib.data.dataset.handler import DataHandlerLP
from qlib.data.dataset.loader import StaticDataLoader
from qlib.data.dataset.weight import Reweighter
from qlib.model.base import Model as QlibModel
from qlib.utils.exceptions import ExpAlreadyExistError
from qlib.workflow.exp import MLflowExperiment
from qlib.workflow.expm import MLflowExpManager

from data_profile.home import Home
from data_profile.store import Store
from predictor.dataset import Dataset, build, panels, split_usable
from predictor.errors import PredictorError
from predictor.features import BASE_FEATURES, Feature, pool_features
from predictor.model import ORDERS, Model, fit, heads_of
from predictor.pool import read_pool

_TARGETS = {"label": ("limit_ups_next", "count"), "wave": ("wave_next", "surge"),
            "density": ("density_next", "density")}  # fmt: skip
"""Column group -> name of its only column, and the field of `Dataset` it holds. Qlib's models learn
the group "label"; ours learns all three."""


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
        limit-ups; "wave", 1 where the next session is one; "density", its limit-ups for each
        company. float32; NaN is missing.
    """
    row, column = dataset.present.nonzero()
    index = pd.MultiIndex.from_arrays(
        [
            pd.DatetimeIndex(dataset.sessions[row]).astype("datetime64[ns]"),
            np.array(dataset.sectors, dtype=object)[column],
        ],
        names=["datetime", "instrument"],
    )
    targets = [getattr(dataset, field)[row, column] for _, field in _TARGETS.values()]
    columns = [("feature", name) for name in dataset.names]
    columns += [(group, name) for group, (name, _) in _TARGETS.items()]
    values = np.concatenate([dataset.values[row, column], np.stack(targets, axis=1)], axis=1)
    found = pd.DataFrame(values, index, pd.MultiIndex.from_tuples(columns), dtype="float32")
    return found.sort_index()


def unframe(data: pd.DataFrame) -> Dataset:
    """The dataset of what `frame` made, or of some rows of it after Qlib's processors.

    Raises
    ------
    PredictorError
        A column group of `frame` is missing.
    """
    lacking = {"feature", *_TARGETS} - set(data.columns.get_level_values(0))
    if lacking:
        raise PredictorError(
            f"the data have no column group {', '.join(sorted(lacking))}; "
            "give OrderModel a dataset over SectorHandler"
        )
    row, sessions = pd.factorize(data.index.get_level_values("datetime"), sort=True)
    column, sectors = pd.factorize(data.index.get_level_values("instrument"), sort=True)
    shape = (len(sessions), len(sectors))

    def spread(values: np.ndarray) -> np.ndarray:
        whole = np.full((*shape, *values.shape[1:]), np.nan, dtype=np.float32)
        whole[row, column] = values
        return whole

    present = np.zeros(shape, dtype=bool)
    present[row, column] = True
    known = {feature.name: feature for feature in BASE_FEATURES}
    names = [str(name) for name in data["feature"].columns]
    return Dataset(
        sessions=np.asarray(sessions, dtype="datetime64[D]"),
        sectors=tuple(map(str, sectors)),
        features=tuple(known.get(n) or Feature(n, n, n, n, n) for n in names),
        values=spread(data["feature"].to_numpy(np.float32)),
        present=present,
        **{
            field: spread(data[group].to_numpy(np.float32)[:, 0])
            for group, (_, field) in _TARGETS.items()
        },
    )


class SectorHandler(DataHandlerLP):
    """Features of every sector as known at 15:45, the pool's among them, and what came of it.

    Parameters
    ----------
    home
        The home folder, whose store and pool are read.
    start_time, end_time
        First and last session; None for the store's.
    infer_processors, learn_processors
        Qlib's; by default rows without a label are not learnt from. Missing features stay
        missing, which trees have a branch for; a network needs `Fillna` and a normalisation.

    Raises
    ------
    PredictorError, data_profile.errors.StoreError
        There is no store, or it has no limit-up counts.
    """

    def __init__(
        self,
        home: str,
        start_time: object = None,
        end_time: object = None,
        infer_processors: Sequence[Any] = (),
        learn_processors: Sequence[Any] = ({"class": "DropnaLabel"},),
    ) -> None:
        place = Home(Path(home))
        market = panels(Store(place.store))
        candidates = BASE_FEATURES + pool_features(read_pool(place).members)
        features, _ = split_usable(candidates, market.known)
        super().__init__(
            data_loader=StaticDataLoader(frame(build(market, features))),
            start_time=start_time,
            end_time=end_time,
            infer_processors=list(infer_processors),
            learn_processors=list(learn_processors),
        )


class FolderExpManager(MLflowExpManager):
    """Qlib's manager of experiments, with the artifacts in a folder of one's own.

    Qlib's keeps those of a database in `mlruns` of the working directory.

    Parameters
    ----------
    uri, default_exp_name
        Qlib's: MLflow's address, and an experiment's name where none is given.
    artifacts
        The folder.
    """

    def __init__(self, uri: str, default_exp_name: str, artifacts: str) -> None:
        super().__init__(uri, default_exp_name)
        self._artifacts = Path(artifacts)

    def create_exp(self, experiment_name: str | None = None) -> MLflowExperiment:
        """Make an experiment.

        Raises
        ------
        qlib.utils.exceptions.ExpAlreadyExistError
            There is one of this name; Qlib then uses it.
        """
        name = experiment_name or self._default_exp_name
        if self.client.get_experiment_by_name(name) is not None:
            raise ExpAlreadyExistError
        place = (self._artifacts / name).absolute().as_uri()
        made = self.client.create_experiment(name, artifact_location=place)
        return MLflowExperiment(made, name, self.uri)


class OrderModel(QlibModel):
    """The predictor's model: the heads that one order is made of, averaged over seeds.

    Parameters
    ----------
    order
        A key of `predictor.model.ORDERS`: "rank", "count", "surge", ...
    seed
        The same seed gives the same model.

    Raises
    ------
    PredictorError
        There is no such order.
    """

    def __init__(self, order: str = "rank", seed: int = 1) -> None:
        if order not in ORDERS:
            raise PredictorError(f"there is no order {order!r}; there are {', '.join(ORDERS)}")
        self.order = order
        self.seed = seed
        self.fitted: Model | None = None

    def fit(self, dataset: DatasetH, reweighter: Reweighter | None = None) -> None:
        """Fit on the segment "train", stop and calibrate on "valid".

        Raises
        ------
        PredictorError
            Weights are given, which the heads have no use for; or a head cannot be fitted.
        """
        if reweighter is not None:
            raise PredictorError("OrderModel takes no weights; leave the reweighter out")
        groups = ["feature", *_TARGETS]
        parts = dataset.prepare(["train", "valid"], col_set=groups, data_key=DataHandlerLP.DK_L)
        seen = unframe(pd.concat(parts))
        border = int(np.searchsorted(seen.sessions, _first_day(parts[1])))
        self.fitted = fit(
            seen,
            slice(0, border),
            slice(border, len(seen.sessions)),
            seed=self.seed,
            step=lambda head: None,
            heads=heads_of([self.order]),
        )

    def predict(self, dataset: DatasetH, segment: str | slice = "test") -> pd.Series:
        """Scores of the order, one a row of the segment; index (datetime, instrument).

        Raises
        ------
        PredictorError
            The model is not fitted yet.
        """
        if self.fitted is None:
            raise PredictorError("the model is not fitted yet; call fit first")
        data = dataset.prepare(segment, col_set="feature", data_key=DataHandlerLP.DK_I)
        return pd.Series(self.fitted.raw(self.order, data.to_numpy(np.float32)), data.index)


def _first_day(data: pd.DataFrame) -> np.datetime64:
    return np.datetime64(data.index.get_level_values("datetime").min(), "D")
