"""Expected limit-ups of the members: point-in-time, kept, and missing where nothing is known."""

from pathlib import Path

import numpy as np
import pytest

from data_profile.home import Home
from data_profile.market import Market
from data_profile.store import Store
from predictor.dataset import Panels, build, panels, split_usable
from predictor.features import BASE_FEATURES, MEMBERS, MEMBERS_FIELD
from predictor.members import expected as module
from tests.predictor.members.conftest import fill, limit_events, take


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROUNDS", 20)
    monkeypatch.setattr(module, "FEWEST", 30)


def said(home: Home) -> np.ndarray:
    return panels(Store(home.store)).known.values[MEMBERS_FIELD]


def test_sectors_of_lively_stocks_are_expected_to_have_more(filled: Home, market: Market) -> None:
    both = panels(Store(filled.store))
    values = both.known.values[MEMBERS_FIELD]
    events = limit_events(market)
    known = np.isfinite(values).all(axis=1)
    assert known[-1]
    assert not known[: -len(events["session"].unique())].any()
    assert 10 < values[known].sum(axis=1).mean() < 20  # 15 of the 120 stocks a session
    assert not (set(both.outcome.fields) & {MEMBERS_FIELD})


def test_it_becomes_a_feature_only_where_stocks_are_known(filled: Home, panels: Panels) -> None:
    usable, missing = split_usable(BASE_FEATURES, panels.known)
    assert MEMBERS in missing
    assert MEMBERS not in {one.name for one in usable}
    both = module.with_expected(Store(filled.store).panel(cutoff="15:45"), filled.store, "15:45")
    usable, missing = split_usable(BASE_FEATURES, both)
    assert MEMBERS in {one.name for one in usable}
    assert MEMBERS not in missing


def test_garbage_after_a_session_changes_none_of_its_figures(
    filled: Home, market: Market, tmp_path: Path
) -> None:
    before = said(filled)
    events = limit_events(market)
    days = sorted(events["session"].unique())
    border = days[-20]
    later = events["session"] > border
    wrong = events[~later | (np.arange(len(events)) % 3 > 0)].copy()
    later = wrong["session"] > border
    wrong.loc[later, ["limit_up", "streak", "volume", "ret"]] = [0.0, 9.0, 7.0, -5.0]
    other = Home(tmp_path / "other").create()
    fill(other, market, wrong)
    after = said(other)
    np.testing.assert_array_equal(before[:-19], after[:-19])
    assert (before[-19:] != after[-19:]).any()


def test_a_session_of_unknown_events_has_no_figure(filled: Home, market: Market) -> None:
    events = limit_events(market)
    last = events["session"].max()
    take(filled, market, events[events["session"] < last])
    values = said(filled)
    assert np.isnan(values[-1]).all()
    assert np.isfinite(values[-2]).all()
    dataset = build(panels(Store(filled.store)), BASE_FEATURES)
    assert np.isnan(dataset.column(MEMBERS)[-1]).all()


def test_what_was_made_is_kept_and_is_the_same_again(
    filled: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = said(filled)
    kept = sorted((filled.cache / "members").iterdir())
    assert kept
    monkeypatch.setattr(module, "_Pass", None)  # nothing is left to make
    np.testing.assert_array_equal(said(filled), first)
    monkeypatch.undo()
    monkeypatch.setattr(module, "ROUNDS", 20)
    monkeypatch.setattr(module, "FEWEST", 30)
    for path in kept:
        path.write_bytes(path.read_bytes()[:-9] + b"x" * 9)
    np.testing.assert_array_equal(said(filled), first)  # what was damaged is made again


def test_a_session_more_or_less_changes_none_before(filled: Home) -> None:
    whole = said(filled)
    cut = panels(Store(filled.store), Store(filled.store).panel().sessions[-2])
    np.testing.assert_array_equal(cut.known.values[MEMBERS_FIELD], whole[:-1])
    np.testing.assert_array_equal(said(filled), whole)


def test_without_stocks_nothing_is_added(tmp_path: Path, market: Market) -> None:
    home = Home(tmp_path / "bare").create()
    Store(home.store).build(market.frame, market.names, source="synthetic-3")
    assert MEMBERS_FIELD not in panels(Store(home.store)).known.fields
    assert not (home.cache / "members").exists()


def test_the_model_of_a_new_quarter_is_there_before_its_first_session(
    filled: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(filled.store)
    sessions = store.panel().sessions
    first = module._quarters(sessions)[-1][0]
    fitted: list[int] = []
    fit = module._Pass._fit
    monkeypatch.setattr(
        module._Pass, "_fit", lambda self, start: (fitted.append(start), fit(self, start))[1]
    )

    def prepared(at: int) -> bool:
        known = panels(store, sessions[at]).known
        return module.prepare(known, filled.store, "15:45", sessions[at + 1].astype(object))

    assert not prepared(first - 2)
    assert first not in fitted
    assert prepared(first - 1)
    assert fitted[-1] == first
    before = len(fitted)
    values = panels(store, sessions[first]).known.values[MEMBERS_FIELD]
    assert len(fitted) == before
    for path in (filled.cache / "members").iterdir():
        path.unlink()
    again = panels(store, sessions[first]).known.values[MEMBERS_FIELD]
    np.testing.assert_array_equal(values, again)
    assert np.isfinite(values[-1]).all()
