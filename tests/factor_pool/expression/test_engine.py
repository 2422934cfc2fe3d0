"""Evaluation: nothing from the future, nothing from outside a listing, results of one's own."""

import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.expression import Expression, engine, evaluate, parse, stream
from factor_pool.expression.operators import OPERATORS
from tests.factor_pool.expression.generate import expressions
from tests.factor_pool.expression.oracle import nasty_panel
from tests.factor_pool.expression.test_parity import shared_texts

_PANEL = nasty_panel(160)


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _with(panel: Panel, values: dict[str, np.ndarray], listed: np.ndarray | None = None) -> Panel:
    listed = panel.listed if listed is None else listed
    return Panel(panel.sessions, panel.instruments, values, listed)


def _poisoned(panel: Panel, after: int, seed: int) -> Panel:
    """The same panel with every row after `after` replaced by noise, holes and infinities."""
    rng = np.random.default_rng(seed)
    values = {}
    for name, matrix in panel.values.items():
        noise = rng.normal(0, 10.0 ** rng.integers(-3, 9), matrix.shape).astype(np.float32)
        noise[rng.random(noise.shape) < 0.2] = np.nan
        noise[rng.random(noise.shape) < 0.05] = np.inf
        values[name] = np.where(np.arange(len(matrix))[:, None] <= after, matrix, noise)
    return _with(panel, values)


@pytest.mark.parametrize("after", [0, 1, 61, 119])
def test_no_operator_sees_the_future(after: int) -> None:
    parsed = [parse(text) for text in shared_texts()]
    assert {name for e in parsed for name in OPERATORS if name in str(e)} >= {"CSRank", "EMA"}
    before = evaluate(parsed, _PANEL)
    later = evaluate(parsed, _poisoned(_PANEL, after, seed=after))
    moved = [
        str(e)
        for e, one, other in zip(parsed, before, later, strict=True)
        if not _same(one[: after + 1], other[: after + 1])
    ]
    assert moved == []


def test_no_random_expression_sees_the_future() -> None:
    parsed = expressions(500, seed=99)
    before = evaluate(parsed, _PANEL)
    for after in (40, 110):
        later = evaluate(parsed, _poisoned(_PANEL, after, seed=7))
        for e, one, other in zip(parsed, before, later, strict=True):
            assert _same(one[: after + 1], other[: after + 1]), e


def test_a_value_depends_on_its_look_back_only() -> None:
    parsed = [e for e in expressions(300, seed=5) if "EMA" not in str(e) and e.lookback < 60]
    line = ("Slope", "Rsquare", "Resi")  # Qlib's sums keep the rounding error of older rows
    parsed = [e for e in parsed if not any(name in str(e) for name in line)]
    assert len(parsed) > 150
    calm = {n: np.nan_to_num(m, posinf=1.0, neginf=-1.0) for n, m in _PANEL.values.items()}
    panel = _with(_PANEL, calm, np.ones(_PANEL.shape, dtype=bool))
    whole = evaluate(parsed, panel)
    wrong = 0
    for e, values in zip(parsed, whole, strict=True):
        (part,) = evaluate([e], panel.between(start=panel.sessions[-1 - e.lookback]))
        wrong += not np.allclose(part[-1], values[-1], rtol=1e-4, atol=1e-6, equal_nan=True)
    # A few compare deviations that are equal in theory: rounding decides.
    assert wrong <= len(parsed) // 50


def test_outside_a_listing_there_is_nothing() -> None:
    parsed = [parse(text) for text in shared_texts()] + expressions(200, seed=3)
    for e, values in zip(parsed, evaluate(parsed, _PANEL), strict=True):
        assert values.dtype == np.float32
        assert values.shape == _PANEL.shape
        assert values.flags.c_contiguous
        assert np.isnan(values[~_PANEL.listed]).all(), e


def test_values_outside_a_listing_are_not_read() -> None:
    dirty = {n: np.where(_PANEL.listed, m, np.float32(7)) for n, m in _PANEL.values.items()}
    parsed = expressions(150, seed=8)
    clean = evaluate(parsed, _PANEL)
    for one, other in zip(clean, evaluate(parsed, _with(_PANEL, dirty)), strict=True):
        assert _same(one, other)


def test_a_batch_gives_what_single_calls_give() -> None:
    parsed = expressions(200, seed=11)
    for e, value in zip(parsed, evaluate(parsed, _PANEL), strict=True):
        assert _same(evaluate([e], _PANEL)[0], value), e


def test_results_are_the_caller_s_own() -> None:
    parsed = [parse(text) for text in ("$close", "$close", "-$close", "Mean($close, 5)", "$close")]
    before = _PANEL.values["close"].copy()
    results = evaluate(parsed, _PANEL)
    kept = [result.copy() for result in results]
    for number, result in enumerate(results):
        result[:] = number
    again = evaluate(parsed, _PANEL)
    assert all(_same(one, other) for one, other in zip(again, kept, strict=True))
    assert [float(result[0, 0]) for result in results] == [0, 1, 2, 3, 4]
    assert _same(_PANEL.values["close"], before)


def test_a_view_of_a_result_stays_valid() -> None:
    (view,) = (result[50:60, 0] for result in evaluate([parse("Mean($close, 5)")], _PANEL))
    kept = view.copy()
    for _ in range(20):
        evaluate([parse("Mean($open, 7)"), parse("-$open"), parse("Std($open, 5)")], _PANEL)
    assert _same(view, kept)


def test_stream_holds_one_result_at_a_time() -> None:
    shape = (400, 500)
    rng = np.random.default_rng(0)
    values = {"a": rng.normal(size=shape).astype(np.float32)}
    days = np.arange("2020-01-01", 400, dtype="datetime64[D]")
    panel = Panel(days, tuple(f"{i:04d}" for i in range(500)), values, np.ones(shape, dtype=bool))
    parsed = [parse(f"Mean($a, {n}) / Std($a, {n})") for n in range(2, 60)]
    for _ in stream(parsed[:2], panel):
        pass
    tracemalloc.start()
    try:
        total = sum(float(np.nansum(result)) for result in stream(parsed, panel))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.isfinite(total)
    assert peak < 8 * values["a"].nbytes


def test_threads_do_not_disturb_each_other() -> None:
    parsed = expressions(60, seed=13)
    expected = evaluate(parsed, _PANEL)
    failures: list[Expression] = []

    def work() -> None:
        for _ in range(3):
            for e, one, other in zip(parsed, expected, evaluate(parsed, _PANEL), strict=True):
                if not _same(one, other):
                    failures.append(e)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_kernels_run_where_nothing_may_be_written() -> None:
    program = """
import numpy as np
from data_profile.panel import Panel
from factor_pool.expression import evaluate, kernels, parse
class NoPlace:
    @classmethod
    def from_function(cls, function, path):
        return None
from numba.core.caching import CacheImpl
CacheImpl._locator_classes = [NoPlace]
days = np.arange("2025-01-01", 3, dtype="datetime64[D]")
panel = Panel(days, ("x",), {"a": np.ones((3, 1), np.float32)}, np.ones((3, 1), dtype=bool))
print(evaluate([parse("Sum($a, 2)")], panel)[0].ravel().tolist())
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert ran.stdout.strip() == "[1.0, 2.0, 2.0]", ran.stderr


def test_a_missing_field_is_named_with_the_nearest() -> None:
    with pytest.raises(EvaluationError, match=r"\$clsoe.*did you mean \$close"):
        evaluate([parse("Mean($clsoe, 5)")], _PANEL)


def test_saved_panels_are_read_as_they_are(tmp_path: Path) -> None:
    _PANEL.save(tmp_path / "panel")
    opened = Panel.open(tmp_path / "panel")
    parsed = expressions(50, seed=17)
    for one, other in zip(evaluate(parsed, _PANEL), evaluate(parsed, opened), strict=True):
        assert _same(one, other)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_the_shortest_panels_work(rows: int) -> None:
    panel = _PANEL.between(end=_PANEL.sessions[rows - 1])
    parsed = [parse(text) for text in shared_texts()]
    assert all(values.shape == (rows, 8) for values in evaluate(parsed, panel))


def test_an_empty_panel_gives_empty_values() -> None:
    panel = _PANEL.between(end="1999-01-01")
    parsed = [parse(text) for text in shared_texts()]
    assert all(values.shape == (0, 8) for values in evaluate(parsed, panel))


def test_a_wide_panel_in_sheets_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    columns = np.random.default_rng(1).integers(0, 8, 300)
    values = {
        n: np.ascontiguousarray(m[:, columns]) * np.arange(1, 301, dtype=np.float32)
        for n, m in _PANEL.values.items()
    }
    listed = np.ascontiguousarray(_PANEL.listed[:, columns])
    wide = Panel(_PANEL.sessions, tuple(f"{i:04d}" for i in range(300)), values, listed)
    parsed = [parse(text) for text in shared_texts()] + expressions(100, seed=23)
    whole = [result.copy() for result in evaluate(parsed, wide)]
    monkeypatch.setattr(engine, "_WHOLE_CELLS", 1)
    monkeypatch.setattr(engine, "_SHEET_CELLS", 1)
    monkeypatch.setattr(engine, "_GROUP_BYTES", 2_000_000)
    for e, one, other in zip(parsed, whole, evaluate(parsed, wide), strict=True):
        assert _same(one, other), e


@pytest.mark.parametrize("width", [1, 127, 128, 129, 300])
def test_any_number_of_instruments_works(width: int) -> None:
    rng = np.random.default_rng(width)
    columns = rng.integers(0, 8, width)
    values = {n: np.ascontiguousarray(m[:, columns]) for n, m in _PANEL.values.items()}
    listed = np.ascontiguousarray(_PANEL.listed[:, columns])
    ids = tuple(f"{i:04d}" for i in range(width))
    wide = Panel(_PANEL.sessions, ids, values, listed)
    parsed = [e for e in (parse(text) for text in shared_texts()) if "CS" not in str(e)]
    narrow = evaluate(parsed, _PANEL)
    for e, one, other in zip(parsed, narrow, evaluate(parsed, wide), strict=True):
        assert _same(one[:, columns], other), e
