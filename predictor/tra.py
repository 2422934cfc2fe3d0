"""Qlib's TRA on the predictor's dataset, to be compared with our own model (extra `[tra]`).

TRA (Lin et al. 2021, "Learning Multiple Stock Trading Patterns with Temporal Routing Adaptor and
Optimal Transport", KDD) is a recurrent network with several output layers and a router that picks
one for each sample from the errors each made before. It is Qlib's own implementation
(`qlib.contrib.model.pytorch_tra`) with Qlib's own dataset (`MTSDatasetH`), on the CPU.

The memory of past errors is kept by sample with a horizon of one session: the error on a session
is seen from the next one on, when its outcome is known. Sequences and training are shorter than in
Qlib's example, for the time that a walk-forward of dozens of windows may take.

`MTSDatasetH` of pyqlib 0.9.7 looks ahead: the sequences of an instrument's first samples reach back
into the LAST rows of the instrument stored before it, which are those of the test. Rows of padding
before each sector's first keep every sequence at home.
"""

import contextlib
import importlib.util
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from data_profile.home import Home
from factor_pool.evaluation.windows import HORIZON
from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.rolling import Window

STATES = 3
SEQUENCE = 5
BATCH = 1024
CLIP = 3.0
MODEL: Mapping[str, Any] = {
    "model_type": "RNN",
    "lr": 2e-3,
    "n_epochs": 4,
    "early_stop": 2,
    "lamb": 1.0,
    "rho": 0.99,
    "alpha": 0.5,
    "transport_method": "router",
    "memory_mode": "sample",
    # None: with a folder it writes there, pickles among others; only its daily memory needs one.
    "logdir": None,
}
BACKBONE: Mapping[str, Any] = {
    "hidden_size": 32, "num_layers": 1, "rnn_arch": "GRU", "use_attn": True, "dropout": 0.0,
}  # fmt: skip
ROUTER: Mapping[str, Any] = {
    "num_states": STATES, "rnn_arch": "GRU", "hidden_size": 16, "num_layers": 1,
    "dropout": 0.0, "tau": 1.0, "src_info": "LR_TPE",
}  # fmt: skip


def scores(dataset: Dataset, window: Window, home: Home, *, seed: int = 1) -> np.ndarray:
    """How TRA, trained on one window, orders the sectors of its test sessions.

    Its target is the rank of the next session's limit-ups among the sectors of the session
    (Qlib's `CSRankNorm`); inputs are standardised by the training sessions alone, clipped at
    `CLIP` deviations, and 0 where missing.

    Parameters
    ----------
    dataset
        Features and targets.
    window
        Trained on `train`, stopped on `valid`, used on `test`.
    home
        Where matplotlib, which Qlib's module imports, keeps its cache. Nothing else is written.
    seed
        The same seed gives the same scores on the same machine and versions. The caller's own
        random state is left as it was.

    Returns
    -------
    numpy.ndarray
        float64 (test sessions, S); only the order within a session means anything. NaN where a
        sector has no row.

    Raises
    ------
    PredictorError
        torch is not installed, or TRA failed.
    """
    require_torch()
    os.environ.setdefault("MPLCONFIGDIR", str((home.cache / "matplotlib").absolute()))
    seen = _padded(_standardised(_cut(dataset, window.train.start, window.test.stop), window))
    try:
        with _alone(seed):
            said = _run(seen, window, seed)
    except Exception as error:  # Qlib and torch raise whatever their parts raise
        first, last = dataset.sessions[window.test][[0, -1]]
        raise PredictorError(
            f"TRA failed on the window that tests {first}..{last}: {error!r}"
        ) from error
    by_session = said.unstack().reindex(
        pd.DatetimeIndex(dataset.sessions[window.test]), columns=list(dataset.sectors)
    )
    return by_session.to_numpy(dtype=np.float64)


def require_torch() -> None:
    """Return if torch can be imported.

    Raises
    ------
    PredictorError
        It cannot; names the extra that brings it.
    """
    if importlib.util.find_spec("torch") is None:
        raise PredictorError(
            "TRA needs torch, which is not installed: pip install 'limit-up-tide[tra]'"
        )


def _run(seen: Dataset, window: Window, seed: int) -> pd.Series:
    """Fit and predict by Qlib; index (datetime, instrument) of the test sessions."""
    from qlib.contrib.data.dataset import MTSDatasetH
    from qlib.contrib.model.pytorch_tra import TRAModel
    from qlib.data.dataset.handler import DataHandlerLP
    from qlib.data.dataset.processor import CSRankNorm

    from predictor.qlib_model import frame

    logging.getLogger("qlib.TRA").disabled = True
    days = pd.DatetimeIndex(seen.sessions)[SEQUENCE:]
    segments = {
        name: (days[rows.start - window.train.start], days[rows.stop - window.train.start - 1])
        for name, rows in vars(window).items()
    }
    data = CSRankNorm(fields_group="label")(frame(seen))
    dataset = MTSDatasetH(
        handler=DataHandlerLP.from_df(data),
        segments=segments,
        seq_len=SEQUENCE,
        horizon=HORIZON,
        num_states=STATES,
        memory_mode=MODEL["memory_mode"],
        batch_size=BATCH,
        shuffle=True,
    )
    backbone = {"input_size": len(seen.features), **BACKBONE}
    model = TRAModel(backbone, dict(ROUTER), seed=seed, **MODEL)
    model.fit(dataset, evals_result={})
    return model.predict(dataset)["score"]


def _cut(dataset: Dataset, start: int, stop: int) -> Dataset:
    rows = slice(start, stop)
    return replace(
        dataset,
        **{
            name: getattr(dataset, name)[rows]
            for name in ("sessions", "values", "count", "surge", "present", "density")
        },
    )


def _standardised(seen: Dataset, window: Window) -> Dataset:
    """Features in deviations of the training rows, clipped; what is missing is average."""
    train = slice(0, window.train.stop - window.train.start)
    known = seen.values[train][seen.present[train]]
    counted = np.isfinite(known).sum(axis=0)
    total = np.nansum(known, axis=0, dtype=np.float64)
    mean = total / np.maximum(counted, 1)
    deviation = np.sqrt(np.nansum((known - mean) ** 2, axis=0) / np.maximum(counted, 1))
    scaled = (seen.values - mean) / np.where(deviation > 0, deviation, 1.0)
    return replace(seen, values=np.nan_to_num(np.clip(scaled, -CLIP, CLIP)).astype(np.float32))


def _padded(seen: Dataset) -> Dataset:
    """`SEQUENCE` sessions of zeros, of every sector and without an outcome, before the first."""

    def before(matrix: np.ndarray, value: Any) -> np.ndarray:
        return np.concatenate([np.full((SEQUENCE, *matrix.shape[1:]), value, matrix.dtype), matrix])

    earlier = seen.sessions[0] - np.arange(SEQUENCE, 0, -1)
    return replace(
        seen,
        sessions=np.concatenate([earlier, seen.sessions]),
        values=before(seen.values, 0),
        count=before(seen.count, np.nan),
        surge=before(seen.surge, np.nan),
        present=before(seen.present, True),
        density=before(seen.density, np.nan),
    )


@contextlib.contextmanager
def _alone(seed: int) -> Iterator[None]:
    """One thread, a seed, no printing; the caller's random state and threads come back after.

    Qlib's module seeds the global generators, prints the network and draws bars. With one thread
    sums have one order; more threads gain nothing on networks so small.
    """
    import torch

    state, threads = np.random.get_state(), torch.get_num_threads()
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
        torch.random.fork_rng(devices=[]),
    ):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            np.random.set_state(state)
