"""Windows: every session is tested once, on what was known before it."""

import datetime as dt
import itertools
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_profile.sessions import sessions
from factor_pool.evaluation.windows import HORIZON
from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.model import HEADS, Model
from predictor.rolling import Window, fitted, windows
from tests.conftest import REPOSITORY

DAYS = np.array(sessions(dt.date(2020, 3, 9), dt.date(2025, 9, 17)), dtype="datetime64[D]")


def months(rows: slice) -> set[str]:
    return {str(day) for day in DAYS[rows].astype("datetime64[M]")}


@settings(max_examples=60, deadline=None)
@given(
    train=st.integers(1, 30),
    valid=st.integers(1, 6),
    step=st.integers(1, 4),
    first=st.none() | st.dates(dt.date(2019, 1, 1), dt.date(2025, 9, 1)),
    days=st.integers(0, 900),
)
def test_windows_tile_the_tests_and_are_purged(
    train: int, valid: int, step: int, first: dt.date | None, days: int
) -> None:
    last = None if first is None else first + dt.timedelta(days=days)
    try:
        found = windows(
            DAYS,
            train_months=train,
            valid_months=valid,
            step_months=step,
            first_test=first,
            last_test=last,
        )
    except PredictorError:
        return
    for window in found:
        assert 0 <= window.train.start < window.train.stop
        assert window.train.stop + HORIZON == window.valid.start < window.valid.stop
        assert window.valid.stop + HORIZON == window.test.start < window.test.stop <= len(DAYS)
        assert len(months(slice(window.train.start, window.train.stop + HORIZON))) == train
        assert len(months(window.test)) <= step
    for one, other in itertools.pairwise(found):
        assert one.test.stop == other.test.start
    if first is not None:
        assert DAYS[found[0].test.start] >= np.datetime64(first)
        assert DAYS[found[-1].test.stop - 1] <= np.datetime64(last)
    else:
        assert found[-1].test.stop == len(DAYS)


def test_the_months_asked_for_are_the_months_tested() -> None:
    found = windows(DAYS, first_test="2023-01-01", last_test="2024-12-31")
    assert len(found) == 24
    first = found[0].to_dict(DAYS)
    assert first["train"]["start"] == "2020-10-09"
    assert first["train"]["end"] == "2022-09-29"  # the last of September is purged
    assert first["valid"]["start"] == "2022-10-10"
    assert first["valid"]["end"] == "2022-12-29"
    assert first["test"] == {"start": "2023-01-03", "end": "2023-01-31", "sessions": 16}


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(700, len(DAYS)))
def test_later_sessions_move_no_earlier_window(cut: int) -> None:
    whole, seen = windows(DAYS), windows(DAYS[:cut])
    for one, other in zip(seen[:-1], whole, strict=False):
        assert one == other
    assert (seen[-1].train, seen[-1].valid) == (
        whole[len(seen) - 1].train,
        whole[len(seen) - 1].valid,
    )


@pytest.mark.parametrize("name", ["train_months", "valid_months", "step_months"])
def test_a_window_without_sessions_is_refused(name: str) -> None:
    with pytest.raises(PredictorError, match="at least 1"):
        windows(DAYS, **{name: 0})


def test_a_short_history_is_one_clear_error() -> None:
    with pytest.raises(PredictorError, match=r"no window of 24 \+ 3 months.*longer history"):
        windows(DAYS[:300])
    with pytest.raises(PredictorError, match=r"'soon' is no date; write YYYY-MM-DD"):
        windows(DAYS, first_test="soon")
    with pytest.raises(PredictorError, match="no sessions"):
        windows(DAYS[:0])


_ROLL = """
import sys
from pathlib import Path
from data_profile.market import synthetic
from data_profile.panel import Panel
from predictor.dataset import align, build
from predictor.features import BASE_FEATURES
from predictor.rolling import fitted, windows
panel = Panel.from_frame(synthetic(3, sectors=20, sessions=620).frame)
dataset = build(align(panel, panel), BASE_FEATURES)
found = windows(dataset.sessions, train_months=6, valid_months=2)[:4]
for window in found:
    fitted(dataset, window, Path(sys.argv[1]), seed=2, step=print)
    print("done", flush=True)
"""


@pytest.fixture(scope="module")
def found(dataset: Dataset) -> list[Window]:
    return windows(dataset.sessions, train_months=6, valid_months=2)[:4]


def test_killed_in_the_middle_it_goes_on_where_it_was(
    dataset: Dataset, found: list[Window], tmp_path: Path
) -> None:
    killed = subprocess.Popen(
        [sys.executable, "-c", _ROLL, str(tmp_path / "killed")],
        cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert killed.stdout is not None
    seen = [killed.stdout.readline().strip() for _ in range(2 * (len(HEADS) + 1) + 1)]
    killed.kill()  # while the third window is fitted
    killed.wait()
    killed.stdout.close()
    assert seen.count("done") == 2

    def all_of(folder: str) -> tuple[list[Model], list[str]]:
        steps: list[str] = []
        place = tmp_path / folder
        models = [fitted(dataset, one, place, seed=2, step=steps.append) for one in found]
        return models, steps

    resumed, steps = all_of("killed")
    assert steps == 2 * list(HEADS)
    whole, _ = all_of("whole")
    assert [model.boosters for model in resumed] == [model.boosters for model in whole]
    assert [model.calibration for model in resumed] == [model.calibration for model in whole]


def test_only_what_a_window_is_fitted_to_fits_it_again(
    dataset: Dataset, found: list[Window], tmp_path: Path
) -> None:
    def heads_fitted(data: Dataset, seed: int = 2) -> int:
        steps: list[str] = []
        shutil.copytree(tmp_path / "first", tmp_path / "again", symlinks=True)
        fitted(data, found[0], tmp_path / "again", seed=seed, step=steps.append)
        shutil.rmtree(tmp_path / "again")
        return len(steps)

    fitted(dataset, found[0], tmp_path / "first", seed=2, step=lambda head: None)
    assert heads_fitted(dataset) == 0
    count = dataset.count.copy()
    count[found[0].test] = 99.0
    assert heads_fitted(replace(dataset, count=count)) == 0  # later sessions are nothing to it
    count[found[0].train.start] = 99.0
    assert heads_fitted(replace(dataset, count=count)) == len(HEADS)
    (next((tmp_path / "first").glob("*/current")) / "rank_0.txt").write_text("damaged")
    assert heads_fitted(dataset) == len(HEADS)
    assert heads_fitted(dataset, seed=4) == len(HEADS)
    assert heads_fitted(dataset.drop(["return_20"])) == len(HEADS)
