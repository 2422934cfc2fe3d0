"""What lies after the search window cannot be guessed from anything a proposer is given.

Every value after the search window is replaced, by garbage or by nothing, and the real loop runs
with both proposers. Candidates do reach the confirm window and are tested there on the garbage; the
rule is made to refuse them all, since accept or reject is the one bit that may differ.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_profile.home import Home
from data_profile.panel import Panel
from data_profile.profile import Profile
from data_profile.store import Store
from factor_pool.acceptance import Acceptance
from factor_pool.discovery import OnlineRule
from factor_pool.evaluation.windows import place
from factor_pool.ledger import Ledger
from factor_pool.records import Test
from scenario.feedback import FactorFeedback
from scenario.loop import MineOptions, mine
from scenario.night import Night, Turn
from tests.scenario.chat_server import ChatServer
from tests.scenario.fake_model import Author
from tests.scenario.nights import Silent


def poisoned(panel: Panel, later: np.ndarray, how: str) -> Panel:
    """The panel with other values in the `later` rows; which rows exist is as it was."""
    rng = np.random.default_rng(0)
    values = {}
    for name, matrix in panel.values.items():
        changed = np.array(matrix)
        shape = changed[later].shape
        changed[later] = {
            "nothing": np.full(shape, np.nan),
            "garbage": rng.lognormal(3, 3, shape) * rng.choice([-1, 1], shape),
        }[how]
        values[name] = changed
    return Panel(panel.sessions, panel.instruments, values, panel.listed)


class Listener:
    """Everything that proposers, prompts and feedback of a night contain, as text."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.heard: list[str] = []
        begin, feedback = Night.begin_iteration, FactorFeedback.generate_feedback

        def begin_iteration(night: Night) -> Turn:
            turn = begin(night)
            self.heard.append(repr((turn.proposer.name, opened(turn.context))))
            return turn

        def generate_feedback(role: FactorFeedback, *args: Any, **options: Any) -> Any:
            said = feedback(role, *args, **options)
            self.heard.append(repr(vars(said)))
            return said

        patch.setattr(Night, "begin_iteration", begin_iteration)
        patch.setattr(FactorFeedback, "generate_feedback", generate_feedback)


def opened(value: Any) -> Any:
    """The same with objects as their attributes and sets in order."""
    if isinstance(value, Mapping):
        return [(opened(key), opened(one)) for key, one in value.items()]
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, list | tuple):
        return [opened(one) for one in value]
    return opened(vars(value)) if hasattr(value, "__dict__") else value


def forgetful(rule: OnlineRule, tests: Sequence[Test]) -> None:
    """Take in tests whose levels no rule gave."""
    rule.position += len(tests)


def listen_to(home: Home, panel: Panel, server: ChatServer) -> dict[str, Any]:
    """Run a night on the panel and return all that was heard."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "panel", lambda store: panel)
        patch.setattr(OnlineRule, "next", lambda rule, p: (0.0, False))
        patch.setattr(OnlineRule, "replay", forgetful)
        patch.setattr(Acceptance, "budget_left", lambda acceptance: 1.0)
        patch.setattr(Acceptance, "spent", lambda acceptance: False)
        patch.setattr("factor_pool.error_budget.next_test", lambda past, p, settings: (1.0, False))
        listener = Listener(patch)
        mine(home, MineOptions(loops=6, seed=5), Silent())
    with Ledger(home.ledger, readonly=True) as ledger:
        attempts, tests, borders = ledger.attempts(), ledger.tests(), ledger.borders()
    return {
        "heard": listener.heard,
        "prompts": server.prompts(),
        "proposed": [(a.proposer, a.text, a.hypothesis, a.idea, dict(a.figures)) for a in attempts],
        "told": [(a.stage, a.gate, a.reason) for a in attempts],
        "borders": [(one.search_end, one.confirm_end) for one in borders],
        "tests": [test.p_value for test in tests],
    }


def test_no_byte_changes_with_what_comes_after_search(
    store: Path, tmp_path: Path, here: object, serve: Callable[..., ChatServer]
) -> None:
    panel = Store(store).panel()
    end = place(panel, Profile.load().core(panel)).search.end
    later = panel.sessions > np.datetime64(end)
    nights = {}
    for how in ("clean", "garbage", "nothing"):
        data = panel if how == "clean" else poisoned(panel, later, how)
        home = Home(tmp_path / how).create()
        nights[how] = listen_to(home, data, serve(Author()))
    clean = nights.pop("clean")
    proposers = {one[0] for one in clean["proposed"]}
    assert "evolve" in proposers
    assert any(name.startswith("llm") for name in proposers)
    assert clean["prompts"]
    assert any("accepted of" in text for text in clean["heard"])
    assert clean["tests"]  # candidates did reach the confirm window
    for how, night in nights.items():
        assert night["tests"] != clean["tests"], how  # and were judged on other data
        for what in ("borders", "prompts", "heard", "proposed", "told"):
            assert night[what] == clean[what], (how, what)


def test_borders_do_not_move_with_values_of_a_field_that_begins_later(store: Path) -> None:
    """A core field without any value in search, filled afterwards, is too young to count."""
    panel = Store(store).panel()
    core = Profile.load().core(panel)
    windows = place(panel, core)
    later = panel.sessions > np.datetime64(windows.search.end)
    values = dict(panel.values)
    young = np.full(panel.shape, np.nan, dtype=np.float32)
    values[core[-1]] = young
    before = place(Panel(panel.sessions, panel.instruments, values, panel.listed), core[:-1])
    filled = young.copy()
    filled[later] = 1.0
    values[core[-1]] = filled
    after = place(Panel(panel.sessions, panel.instruments, values, panel.listed), core)
    assert after.late == (core[-1],)
    assert [w for w in after] == [w for w in before]
