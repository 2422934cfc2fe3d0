"""Stock Qlib as the oracle: a panel written in Qlib's binary format, asked through `D.features`."""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from data_profile.panel import Panel


def nasty_panel(sessions: int = 240, seed: int = 7) -> Panel:
    """A market with everything that breaks arithmetic.

    Late and early-ending listings, holes, runs of zeros, constants, infinities, ties, values of
    very different size, and one instrument that never has a value.
    """
    rng = np.random.default_rng(seed)
    size = 8
    shape = (sessions, size)
    listed = np.ones(shape, dtype=bool)
    listed[:57, 1] = False
    listed[:130, 2] = False
    listed[200:, 3] = False
    walk = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0)) * (1 + np.arange(size) * 40)
    values = {
        "close": walk,
        "open": walk * np.exp(rng.normal(0, 0.01, shape)),
        "high": walk * 1.02,
        "low": walk * np.exp(-np.abs(rng.normal(0, 0.02, shape))),
        "turnover": rng.lognormal(18, 1, shape),
        "net_inflow": rng.normal(0, 3e7, shape),
        "limit_up_count": rng.poisson(0.8, shape).astype(float),
        "rate": rng.uniform(-1, 1, shape).round(1),
    }
    values["turnover"][rng.random(shape) < 0.03] = 0.0
    values["close"][60:90, 4] = values["close"][60, 4]
    values["open"][60:75, 4] = 0.1
    values["limit_up_count"][100:160, 5] = 0.0
    values["rate"][rng.random(shape) < 0.02] = np.inf
    values["rate"][rng.random(shape) < 0.01] = -np.inf
    for name in ("close", "turnover", "net_inflow", "rate"):
        values[name][rng.random(shape) < 0.04] = np.nan
    values["net_inflow"][:100] = np.nan
    values["net_inflow"][140:170, 0] = np.nan
    for matrix in values.values():
        matrix[:, 6] = np.nan
        matrix[~listed] = np.nan
    days = np.arange("2021-01-04", 10_000, dtype="datetime64[D]")
    days = days[np.is_busday(days)][:sessions]
    fields = {name: matrix.astype(np.float32) for name, matrix in values.items()}
    return Panel(days, tuple(f"C{i:02d}" for i in range(size)), fields, listed)


def write_store(panel: Panel, folder: Path) -> None:
    """Write a panel as Qlib reads it: calendar, instruments, one float32 file a series."""
    days = [str(day) for day in panel.sessions]
    (folder / "calendars").mkdir(parents=True)
    (folder / "calendars" / "day.txt").write_text("\n".join(days) + "\n")
    (folder / "instruments").mkdir()
    lines = []
    for column, code in enumerate(panel.instruments):
        rows = np.flatnonzero(panel.listed[:, column])
        first, last = int(rows[0]), int(rows[-1])
        lines.append(f"{code}\t{days[first]}\t{days[last]}")
        place = folder / "features" / code.lower()
        place.mkdir(parents=True)
        for name, matrix in panel.values.items():
            series = np.concatenate([[first], matrix[first : last + 1, column]])
            (place / f"{name.lower()}.day.bin").write_bytes(series.astype("<f4").tobytes())
    (folder / "instruments" / "all.txt").write_text("\n".join(lines) + "\n")


class Oracle:
    """Stock Qlib on a panel.

    Parameters
    ----------
    panel
        What Qlib shall see.
    folder
        A new folder for its store.
    """

    def __init__(self, panel: Panel, folder: Path) -> None:
        self.panel = panel
        self.folder = folder
        write_store(panel, folder)

    def start(self) -> None:
        """Point Qlib, whose settings are global, to this store."""
        import qlib
        from qlib.data.cache import H

        from factor_pool.expression import custom_ops

        qlib.init(
            provider_uri=str(self.folder),
            kernels=1,
            expression_cache=None,
            dataset_cache=None,
            custom_ops=list(custom_ops.OPERATORS),
            exp_manager={
                "class": "MLflowExpManager",
                "module_path": "qlib.workflow.expm",
                "kwargs": {
                    "uri": f"sqlite:///{self.folder}/unused.db",
                    "default_exp_name": "unused",
                },
            },
            logging_level=logging.ERROR,
        )
        H.clear()

    def features(self, texts: Sequence[str], **query: str) -> list[np.ndarray]:
        """Values of Qlib expressions as float32 (T, S), NaN where Qlib has no row."""
        from qlib.data import D

        self.start()
        frame = D.features(list(self.panel.instruments), list(texts), freq="day", **query)
        row = np.searchsorted(
            self.panel.sessions,
            frame.index.get_level_values("datetime").to_numpy().astype("datetime64[D]"),
        )
        place = {code: column for column, code in enumerate(self.panel.instruments)}
        column = np.array([place[code] for code in frame.index.get_level_values("instrument")])
        results = []
        for number in range(len(texts)):
            matrix = np.full(self.panel.shape, np.nan, dtype=np.float32)
            matrix[row, column] = frame.iloc[:, number].to_numpy(dtype=np.float32)
            results.append(matrix)
        return results


def mismatch(ours: np.ndarray, qlib: np.ndarray) -> np.ndarray:
    """Cells that differ by more than 1e-6 of max(1, |value|), or of which one alone is missing."""
    with np.errstate(all="ignore"):
        far = np.abs(ours - qlib) > 1e-6 * np.maximum(1.0, np.abs(qlib))
    return (np.isnan(ours) != np.isnan(qlib)) | (far & (ours != qlib))
