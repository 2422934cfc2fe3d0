"""TRA on the same dataset: one order a session, from the past alone, and no trace left behind."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_profile.home import Home
from factor_pool.evaluation.windows import HORIZON
from predictor import tra
from predictor.dataset import Dataset
from predictor.errors import PredictorError
from predictor.rolling import Window

torch = pytest.importorskip("torch", reason="needs the extra [tra]")

WINDOW = Window(train=slice(200, 399), valid=slice(400, 449), test=slice(450, 470))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home").create()


@pytest.fixture(scope="module")
def said(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    return tra.scores(dataset, WINDOW, Home(tmp_path_factory.mktemp("tra")).create(), seed=3)


def test_it_orders_every_sector_with_a_row_and_better_than_chance(
    dataset: Dataset, said: np.ndarray
) -> None:
    assert said.shape == (20, len(dataset.sectors))
    np.testing.assert_array_equal(np.isfinite(said), dataset.present[WINDOW.test])
    counts = dataset.count[WINDOW.test]
    daily = [
        np.corrcoef(row[known].argsort().argsort(), count[known].argsort().argsort())[0, 1]
        for row, count in zip(said, counts, strict=True)
        if (known := np.isfinite(row) & np.isfinite(count)).sum() > 5
    ]
    assert np.mean(daily) > 0.1


def test_the_same_seed_is_the_same_bit_for_bit_and_the_callers_state_is_kept(
    dataset: Dataset, said: np.ndarray, home: Home
) -> None:
    np.random.seed(7)
    torch.manual_seed(7)
    before = np.random.get_state()[1].copy(), torch.get_rng_state().clone(), torch.get_num_threads()
    again = tra.scores(dataset, WINDOW, home, seed=3)
    np.testing.assert_array_equal(again, said)
    np.testing.assert_array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])
    assert torch.get_num_threads() == before[2]


def test_garbage_after_a_session_changes_no_score_up_to_it(
    dataset: Dataset, said: np.ndarray, home: Home
) -> None:
    row = WINDOW.test.start + 8
    rng = np.random.default_rng(0)
    values, count = dataset.values.copy(), dataset.count.copy()
    values[row + 1 :] = rng.normal(0, 1e6, values[row + 1 :].shape)
    known_later = slice(row + 1 - HORIZON, None)  # outcomes that come after the session
    count[known_later] = rng.integers(0, 40, count[known_later].shape)
    poisoned = replace(dataset, values=values, count=count)
    np.testing.assert_array_equal(tra.scores(poisoned, WINDOW, home, seed=3)[:9], said[:9])


def test_nothing_is_printed_or_written_outside_the_home(
    dataset: Dataset,
    home: Home,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    here = tmp_path / "elsewhere"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here))
    tra.scores(dataset, WINDOW, home, seed=3)
    assert not list(here.iterdir())
    assert capfd.readouterr() == ("", "")


def test_without_torch_the_extra_is_named(
    dataset: Dataset, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tra.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(PredictorError, match=r"limit-up-tide\[tra\]"):
        tra.scores(dataset, WINDOW, home)


def test_what_fails_inside_names_the_window(dataset: Dataset, home: Home) -> None:
    nothing = replace(dataset, present=np.zeros_like(dataset.present))
    with pytest.raises(PredictorError, match="TRA failed on the window that tests"):
        tra.scores(nothing, WINDOW, home)
