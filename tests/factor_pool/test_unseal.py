"""The sealed window is opened on purpose, written down first, and fresh only once."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_profile.home import Home
from data_profile.market import synthetic
from data_profile.profile import Profile
from data_profile.store import Store
from factor_pool import borders
from factor_pool.audit import audit
from factor_pool.errors import PoolError
from factor_pool.evaluation.score import score
from factor_pool.ledger import Ledger
from factor_pool.records import Proposal, Test
from factor_pool.unseal import figure, unseal

POOL = ("Mean($one_word_count, 5)", "$broken_limit_count")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("market") / "store"
    market = synthetic(3, sectors=24, sessions=640)
    Store(folder).build(market.frame, market.names, source="synthetic-3")
    return folder


@pytest.fixture
def home(store: Path, tmp_path: Path) -> Home:
    home = Home(tmp_path / "home").create()
    home.store.symlink_to(store)
    return home


def fill(home: Home, *texts: str) -> None:
    """Accept factors, the second with its sign turned, after some that failed."""
    panel = Store(home.store).panel()
    with Ledger(home.ledger) as ledger:
        borders.settle(ledger, panel, Profile.load().core(panel))
        weak = [f"Ref($close, {k})" for k in range(1, 9)]
        attempts = ledger.record(
            "night", 0, [Proposal(t, t, "evolve") for t in (*weak, *texts)],
            snapshot=panel.snapshot_id, label="limit_up_count", seed=1,
        )  # fmt: skip
        rng = np.random.default_rng(1)
        ledger.scored([(a.id, {"marginal_icir": float(rng.normal(0, 0.05))}) for a in attempts])
        for attempt in attempts[: len(weak)]:
            ledger.judged(attempt.id, "rejected", gate="strength", reason="Too weak.")
        for number, attempt in enumerate(attempts[len(weak) :]):
            test = Test(number + 1, attempt.id, "addis", 0.001, 0.01, True)
            ledger.accept(attempt.id, test, sign=-1 if number else 1)


def test_three_windows_side_by_side(home: Home) -> None:
    fill(home, *POOL)
    found = unseal(home, why=" the year is over ")
    assert found.fresh
    assert [row["id"] for row in found.members] == ["F0001", "F0002"]
    assert [row["sign"] for row in found.members] == [1, -1]
    panel = Store(home.store).panel()
    for row, sign in zip(found.members, (1, -1), strict=True):
        for window in found.windows:
            expected = score(row["expression"], panel, window=window).marginal_rank_ic
            # The last session of a window has its label in the purge here, in `score` none.
            assert row[window.name]["mean"] == pytest.approx(sign * expected, abs=0.01)
            low, mean, high = (row[window.name][name] for name in ("low", "mean", "high"))
            assert low < mean < high
    assert set(found.pool) == {"search", "confirm", "sealed"}
    assert found.positive_share in (0.0, 0.5, 1.0)


def test_the_opening_is_written_down(home: Home) -> None:
    fill(home, *POOL)
    found = unseal(home, why=" the year is over ")
    with Ledger(home.ledger, readonly=True) as ledger:
        [opening] = ledger.openings("sealed")
    assert opening == found.opening
    assert (opening.who, opening.why) == (borders.person(), "the year is over")
    assert opening.pool_version == 2
    assert opening.content_hash == Store(home.store).manifest().snapshot_id
    assert (opening.first, opening.last) == (found.windows.sealed.start, found.windows.sealed.end)
    assert opening.at.utcoffset() is not None


def test_it_is_written_before_it_is_read(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Killed(BaseException):
        pass

    def die(*args: Any) -> None:
        raise Killed

    fill(home, *POOL)
    monkeypatch.setattr("factor_pool.unseal.side_by_side", die)
    with pytest.raises(Killed):
        unseal(home, why="to see")
    with Ledger(home.ledger, readonly=True) as ledger:
        assert len(ledger.openings("sealed")) == 1


def test_a_second_look_is_not_fresh(home: Home) -> None:
    fill(home, *POOL)
    first = unseal(home, why="to see")
    second = unseal(home, why="to see again")
    assert not second.fresh
    assert second.earlier == [first.opening]
    assert second.members == first.members
    assert second.to_dict()["earlier"][0]["why"] == "to see"


def test_nothing_is_opened_without_reason_or_pool(home: Home) -> None:
    with pytest.raises(PoolError, match="say why"):
        unseal(home, why="  ")
    with pytest.raises(PoolError, match="nothing has been mined"):
        unseal(home, why="to see")
    fill(home)
    with pytest.raises(PoolError, match="the pool is empty"):
        unseal(home, why="to see")
    with Ledger(home.ledger, readonly=True) as ledger:
        assert not ledger.openings()


def test_other_windows_than_the_ledgers_are_not_opened(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(home, *POOL)
    with Ledger(home.ledger, readonly=True) as ledger:
        later = ledger.borders()[-1].confirm_end + dt.timedelta(20)
    monkeypatch.setenv("TIDE_CONFIRM_END", str(later))
    with pytest.raises(PoolError, match="other windows than the ledger holds"):
        unseal(home, why="to see")


def test_a_figure_of_too_few_sessions_is_none() -> None:
    assert figure(np.array([0.1] * 5 + [np.nan] * 40)) == {
        "mean": None, "low": None, "high": None, "sessions": 5,
    }  # fmt: skip


def test_audit_tells_the_whole_trail(home: Home) -> None:
    with pytest.raises(PoolError, match="nothing has been mined"):
        audit(home)
    fill(home, *POOL)
    unseal(home, why="to see")
    found = audit(home)
    assert found["attempts"]["total"] == 10
    assert found["attempts"]["by_stage"] == {"rejected": 8, "accepted": 2}
    assert found["tests"] == {"total": 2, "discoveries": 2, "rule": "addis", "next_level": None}
    assert [one["id"] for one in found["borders"]] == [1]
    assert [one["why"] for one in found["unsealings"]] == ["to see"]
    selection = found["selection"]
    assert selection["trials"] == 20
    assert [one["id"] for one in selection["members"]] == ["F0001", "F0002"]
    assert all(0 <= one["deflated_sharpe"] <= 1 for one in selection["members"])
    assert 0 <= selection["pbo"] <= 1
    assert 0 < selection["spa_p"] <= 1
