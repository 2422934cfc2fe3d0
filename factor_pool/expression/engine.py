"""Evaluation of expressions on a dense panel.

All expressions of a call form one graph: equal parts are one node, computed once and freed after
its last use. Cell-by-cell operators are NumPy's own functions, which are Qlib's too, so that their
results agree to the last bit; rolling and cross-sectional operators are the compiled loops of
`kernels`. As in Qlib, fields and arithmetic on them alone are float32, rolling results float64.
"""

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from data_profile.panel import Panel
from factor_pool.errors import EvaluationError
from factor_pool.expression import kernels, kernels_moments, kernels_order
from factor_pool.expression.buffers import BUFFERS
from factor_pool.expression.language import Expression
from factor_pool.expression.nodes import Call, Field, Node, Number
from factor_pool.expression.operators import OPERATORS
from factor_pool.expression.qlib_text import as_number

_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
_Operand = np.ndarray | float

_UFUNCS: dict[str, np.ufunc] = {
    "Abs": np.abs,
    "Log": np.log,
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Div": np.divide,
    "Power": np.power,
    "Greater": np.maximum,
    "Less": np.minimum,
    "Gt": np.greater,
    "Ge": np.greater_equal,
    "Lt": np.less,
    "Le": np.less_equal,
    "Eq": np.equal,
    "Ne": np.not_equal,
    "And": np.minimum,
    "Or": np.maximum,
}
_KERNELS: dict[str, tuple[Callable[..., Any], tuple[float, ...]]] = {
    "Mean": (kernels.rolling_sum, (1,)),
    "Sum": (kernels.rolling_sum, (0,)),
    "Std": (kernels.rolling_var, (1,)),
    "Var": (kernels.rolling_var, (0,)),
    "Count": (kernels.rolling_count, ()),
    "EMA": (kernels.exponential_mean, ()),
    "Slope": (kernels.rolling_line, (0,)),
    "Rsquare": (kernels.rolling_line, (1,)),
    "Resi": (kernels.rolling_line, (2,)),
    "Skew": (kernels_moments.rolling_moment, (0,)),
    "Kurt": (kernels_moments.rolling_moment, (1,)),
    "Cov": (kernels_moments.rolling_cov, (0,)),
    "Corr": (kernels_moments.rolling_cov, (1,)),
    "Max": (kernels_order.rolling_extreme, (1,)),
    "Min": (kernels_order.rolling_extreme, (-1,)),
    "IdxMax": (kernels_order.rolling_place, (1,)),
    "IdxMin": (kernels_order.rolling_place, (-1,)),
    "Med": (kernels_order.rolling_quantile, (-1.0,)),
    "Rank": (kernels_order.rolling_rank, ()),
    "Mad": (kernels_order.rolling_mad, ()),
}
_COMBINED = {"Add": 0, "Sub": 1, "Mul": 2, "Div": 3}
_LEAST_STD = 2e-5


def run(expressions: Sequence[Expression], panel: Panel) -> Iterator[np.ndarray]:
    """Yield the values of each expression in turn; see `factor_pool.expression.evaluate`."""
    for expression in expressions:
        _check_fields(expression, panel)
    return _results([expression.node for expression in expressions], panel)


def _results(roots: Sequence[Node], panel: Panel) -> Iterator[np.ndarray]:
    graph = _Graph(roots, panel)
    try:
        for root in roots:
            with np.errstate(all="ignore"):
                result = graph.result(root)
            yield result
            del result
    finally:
        BUFFERS.trim()


def _check_fields(expression: Expression, panel: Panel) -> None:
    for name in sorted(expression.fields):
        if name not in panel.values:
            close = difflib.get_close_matches(name, list(panel.values), n=1)
            hint = f"; did you mean ${close[0]}?" if close else ""
            raise EvaluationError(f"the panel has no field ${name}, read by {expression}{hint}")


class _Graph:
    """Nodes of one call, their values while needed, and buffers for reuse."""

    def __init__(self, roots: Sequence[Node], panel: Panel) -> None:
        self.panel = panel
        self.shape = panel.shape
        self.outside, self.first = _listing(panel)
        self.uses = _count_uses(roots)
        self.values: dict[Node, np.ndarray] = {}

    def result(self, root: Node) -> np.ndarray:
        """Values of a root as a float32 array of the caller's own."""
        out = self.value(root, last=self.uses[root] == 1)
        if out.dtype != _SINGLE or isinstance(root, Field) or self.uses[root] > 1:
            value, out = out, self.buffer(_SINGLE)
            np.copyto(out, value, casting="same_kind")
        self.mask(out)
        self.release(root)
        return out

    def value(self, node: Node, last: bool = False) -> np.ndarray:
        """Values of a node, which stay valid until as many `release` as uses.

        With `last`, nothing but a float32 result is made of them.
        """
        found = self.values.get(node)
        if found is None:
            found = self.field(node) if isinstance(node, Field) else self.call(node, last)
            self.values[node] = found
        return found

    def release(self, node: Node) -> None:
        """Give up one use; after the last, the buffer is free for another node."""
        if isinstance(node, Number):
            return
        self.uses[node] -= 1
        if not self.uses[node]:
            del self.values[node]

    def buffer(self, dtype: np.dtype) -> np.ndarray:
        """An array of the panel's shape with any content."""
        return BUFFERS.take(self.shape, dtype)

    def mask(self, values: np.ndarray) -> None:
        """Set every cell outside a listing to NaN."""
        values.reshape(-1)[self.outside] = np.nan

    def field(self, node: Field) -> np.ndarray:
        values = np.asarray(self.panel.values[node.name])
        if not np.isnan(values.reshape(-1)[self.outside]).all():
            values = values.copy()
            self.mask(values)
        return values

    def call(self, node: Node, last: bool) -> np.ndarray:
        assert isinstance(node, Call)
        args = [
            child.value if isinstance(child, Number) else self.value(child) for child in node.args
        ]
        kind = OPERATORS[node.operator].kind
        if kind in ("rolling", "pair_rolling"):
            out = self.rolling(node, args)
        elif kind == "cross_section":
            out = self.session(node, args)
        else:
            out = self.cells(node, args, last)
        for child in node.args:
            self.release(child)
        return out

    # --- cell by cell -----------------------------------------------------------------------------

    def cells(self, node: Call, args: list[_Operand], last: bool) -> np.ndarray:
        if OPERATORS[node.operator].gives_condition:
            return self.condition(node, args)
        if node.operator == "If":
            return self.choice(node, args)
        if node.operator == "Sign":
            out = self.buffer(_SINGLE)
            np.copyto(out, args[0], casting="same_kind")
            return np.sign(out, out=out)
        dtype = _result_type(node, args)
        if dtype == _DOUBLE and node.operator in _COMBINED and _converts(args, last):
            out = self.buffer(_SINGLE if last else _DOUBLE)
            launch(kernels.combine, args, _COMBINED[node.operator], (), out)
            return out
        out = self.buffer(dtype)
        if node.operator == "Neg":
            return np.subtract(0.0, args[0], out=out, dtype=dtype)
        _UFUNCS[node.operator](*args, out=out, dtype=dtype)
        if node.operator == "Power":
            self.mask(out)
        return out

    def condition(self, node: Call, args: list[_Operand]) -> np.ndarray:
        out = self.buffer(_SINGLE)
        if node.operator == "Not":
            np.subtract(np.float32(1), args[0], out=out)
        elif node.operator in ("And", "Or"):
            _UFUNCS[node.operator](*args, out=out)
        else:
            np.copyto(out, _UFUNCS[node.operator](*args))
        self.mask(out)
        return out

    def choice(self, node: Call, args: list[_Operand]) -> np.ndarray:
        test, yes, no = args
        out = self.buffer(_result_type(node, args[1:]))
        np.copyto(out, no)
        np.copyto(out, yes, where=np.not_equal(test, 0))
        self.mask(out)
        return out

    # --- over time --------------------------------------------------------------------------------

    def rolling(self, node: Call, args: list[_Operand]) -> np.ndarray:
        assert node.window is not None
        if node.operator in ("Ref", "Delta"):
            return self.shift(node, args[0])
        out = self.buffer(_DOUBLE)
        if node.operator == "Quantile":
            *args, fraction = args
            launch(kernels_order.rolling_quantile, args, node.window, (fraction,), out)
        else:
            kernel, extras = _KERNELS[node.operator]
            listing = (self.first,) if node.operator in ("IdxMax", "IdxMin") else ()
            still = launch(kernel, args, node.window, (*extras, *listing), out)
            if still and node.operator in ("Rsquare", "Corr"):
                self.drop_constant(args, node.window, out)
        self.mask(out)
        return out

    def shift(self, node: Call, x: _Operand) -> np.ndarray:
        assert isinstance(x, np.ndarray)
        window = node.window
        out = self.buffer(_DOUBLE if as_number(node, 0) else x.dtype)
        out[:window] = np.nan
        if node.operator == "Ref":
            out[window:] = x[:-window]
        else:
            np.subtract(x[window:], x[:-window], out=out[window:], dtype=out.dtype)
        return out

    def drop_constant(self, args: list[_Operand], window: int, out: np.ndarray) -> None:
        """Qlib's own rule for Corr and Rsquare: nothing where a series hardly moves."""
        spread = self.buffer(_DOUBLE)
        for arg in args:
            launch(kernels.rolling_var, [arg], window, (1,), spread)
            out[spread <= _LEAST_STD] = np.nan

    # --- one session ------------------------------------------------------------------------------

    def session(self, node: Call, args: list[_Operand]) -> np.ndarray:
        (x,) = args
        assert isinstance(x, np.ndarray)
        if len(self.outside):
            listed = self.buffer(x.dtype)
            np.copyto(listed, x)
            self.mask(listed)
            x = listed
        out = self.buffer(_DOUBLE)
        if node.operator == "CSRank":
            keys = self.buffer(_DOUBLE)
            launch(kernels_order.session_keys, [x], 0, (), keys)
            keys.view(np.uint64).sort(axis=1)
            launch(kernels_order.session_rank, [x, keys], 0, (), out)
        else:
            launch(kernels_order.session_score, [x], int(node.operator == "CSZScore"), (), out)
        return out


_LISTINGS: "WeakKeyDictionary[Panel, tuple[np.ndarray, np.ndarray]]" = WeakKeyDictionary()


def _listing(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Flat places of the cells outside a listing, and the first listed row of each instrument."""
    found = _LISTINGS.get(panel)
    if found is None:
        outside = np.flatnonzero(~panel.listed.reshape(-1))
        rows = np.arange(len(panel.listed), dtype=np.int64)[:, None]
        first = np.where(panel.listed, rows, len(rows)).min(axis=0, initial=len(rows))
        found = outside, first
        _LISTINGS[panel] = found
    return found


def _count_uses(roots: Sequence[Node]) -> Counter[Node]:
    """How often each distinct node is read: by a root's caller or by a distinct parent."""
    uses: Counter[Node] = Counter()

    def use(node: Node) -> None:
        if isinstance(node, Number):
            return
        uses[node] += 1
        if uses[node] == 1 and isinstance(node, Call):
            for child in node.args:
                use(child)

    for root in roots:
        use(root)
    return uses


def _result_type(node: Call, args: Sequence[_Operand]) -> np.dtype:
    """float64 where a float64 takes part, or where conditions become numbers; else float32."""
    arrays = [arg.dtype for arg in args if isinstance(arg, np.ndarray)]
    if not arrays or _DOUBLE in arrays:
        return _DOUBLE
    return _DOUBLE if any(as_number(node, place) for place in range(len(node.args))) else _SINGLE


def _converts(args: Sequence[_Operand], last: bool) -> bool:
    """Whether an operation of two matrices in float64 involves float32 as well."""
    kinds = [arg.dtype for arg in args if isinstance(arg, np.ndarray)]
    return len(kinds) == 2 and _DOUBLE in kinds and (last or _SINGLE in kinds)


def launch(
    kernel: Callable[..., Any],
    args: Sequence[_Operand],
    window: int,
    extras: tuple[Any, ...],
    out: np.ndarray,
) -> Any:
    """Run a kernel, compiled for the types of its arguments."""
    names = [str(arg.dtype) for arg in args if isinstance(arg, np.ndarray)]
    letters = "".join(
        "r" if isinstance(e, np.ndarray) else "f" if isinstance(e, float) else "i" for e in extras
    )
    run_kernel = kernels.compiled(kernel, *names, extras=letters, out=str(out.dtype))
    return run_kernel(*args, window, *extras, out)
