"""The graph of the expressions of one call: each distinct part is a node and computed once.

Cell-by-cell operators are NumPy's own functions, which are Qlib's too; rolling and cross-sectional
operators are the compiled loops of the `kernels` modules. As in Qlib,
fields and arithmetic on them alone are float32, rolling results float64.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from data_profile.panel import Panel
from factor_pool.expression import kernels, kernels_moments, kernels_order, kernels_session
from factor_pool.expression.buffers import BUFFERS
from factor_pool.expression.nodes import Call, Field, Node, Number
from factor_pool.expression.operators import OPERATORS
from factor_pool.expression.qlib_text import as_number

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
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
_KERNELS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
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
    "Mad": (kernels_moments.rolling_mad, ()),
}
_COMBINED = {"Add": 0, "Sub": 1, "Mul": 2, "Div": 3}
_WITH_LISTING = frozenset({"IdxMax", "IdxMin"})
_WITH_STILL = frozenset({"Slope", "Rsquare", "Resi", "Corr", "Cov"})
_LEAST_STD = 2e-5


@dataclass(frozen=True)
class Sheet:
    """Columns `lo` to `hi` of a panel, with the values of some parts known beforehand.

    Parameters
    ----------
    panel
        The data.
    lo, hi
        The instruments in view.
    known
        Values of whole sessions, (T, S) of the panel, for parts that are not to be computed.
    """

    panel: Panel
    lo: int
    hi: int
    known: Mapping[Node, np.ndarray]

    @property
    def shape(self) -> tuple[int, int]:
        """(T, hi - lo)."""
        return len(self.panel.sessions), self.hi - self.lo

    @property
    def whole(self) -> bool:
        """Whether all instruments are in view."""
        return self.hi - self.lo == len(self.panel.instruments)

    def given(self, node: Node) -> np.ndarray:
        """Values in view of a field, or of a known part."""
        full = _field(self.panel, node.name) if isinstance(node, Field) else self.known[node]
        if self.whole:
            return full
        view = BUFFERS.take(self.shape, full.dtype)
        np.copyto(view, full[:, self.lo : self.hi])
        return view


@dataclass(eq=False, slots=True)
class Part:
    """A distinct part of the expressions: its node, its arguments, and its values while needed."""

    node: Node
    args: "tuple[Part | float, ...]" = ()
    uses: int = 0
    values: np.ndarray | None = None


class Graph:
    """Distinct parts of some expressions on a sheet.

    Parameters
    ----------
    roots
        The expressions. Their parts stand in `roots` in the same order, for `result` or `value`.
    sheet
        The data.
    """

    def __init__(self, roots: Sequence[Node], sheet: Sheet) -> None:
        self.sheet = sheet
        self.shape = sheet.shape
        self.outside, self.first = _listing(sheet)
        self._parts: dict[object, Part] = {}
        self.roots = [self._used(root) for root in roots]

    def _used(self, node: Node) -> Part:
        """Part of a node, with one use more."""
        known = self.sheet.known
        if isinstance(node, Call) and not (known and node in known):
            args = tuple(
                child.value if isinstance(child, Number) else self._used(child)
                for child in node.args
            )
            key: object = (node.operator, node.window, args)
        else:
            args, key = (), node
        part = self._parts.get(key)
        if part is None:
            part = self._parts[key] = Part(node, args)
        else:
            for arg in args:
                if isinstance(arg, Part):
                    arg.uses -= 1
        part.uses += 1
        return part

    def result(self, part: Part) -> np.ndarray:
        """Values of a root as a float32 array of the caller's own, NaN outside the listings."""
        last = part.uses == 1
        out = self.value(part, last)
        if not part.args or not last or out.dtype != SINGLE:
            values, out = out, self.buffer(SINGLE)
            np.copyto(out, values, casting="same_kind")
        self.mask(out)
        self.release(part)
        return out

    def value(self, part: Part, last: bool = False) -> np.ndarray:
        """Values of a part, which stay valid until as many `release` as uses.

        With `last`, nothing but a float32 result is made of them.
        """
        if part.values is None:
            part.values = self.call(part, last) if part.args else self.sheet.given(part.node)
        return part.values

    def release(self, part: Part) -> None:
        """Give up one use; after the last, the buffer is free for another part."""
        part.uses -= 1
        if not part.uses:
            part.values = None

    def buffer(self, dtype: np.dtype) -> np.ndarray:
        """An array of the panel's shape with any content."""
        return BUFFERS.take(self.shape, dtype)

    def mask(self, values: np.ndarray) -> None:
        """Set every cell outside a listing to NaN."""
        values.reshape(-1)[self.outside] = np.nan

    def call(self, part: Part, last: bool) -> np.ndarray:
        """Compute a part from its arguments, and give up one use of each."""
        node = part.node
        assert isinstance(node, Call)
        args = [self.value(arg) if isinstance(arg, Part) else arg for arg in part.args]
        kind = OPERATORS[node.operator].kind
        if kind in ("rolling", "pair_rolling"):
            out = self.rolling(node, args)
        elif kind == "cross_section":
            (x,) = args
            assert isinstance(x, np.ndarray)
            out = session(node.operator, x, self.outside)
        else:
            out = self.cells(node, args, last)
        for arg in part.args:
            if isinstance(arg, Part):
                self.release(arg)
        return out

    # --- cell by cell -----------------------------------------------------------------------------

    def cells(self, node: Call, args: list[_Operand], last: bool) -> np.ndarray:
        """Compute an operator that works cell by cell."""
        if OPERATORS[node.operator].gives_condition:
            return self.condition(node, args)
        if node.operator == "If":
            return self.choice(node, args)
        if node.operator == "Sign":
            out = self.buffer(SINGLE)
            launch(kernels.sign, args, 0, (), out)
            return out
        dtype = _result_type(node, args)
        if dtype == DOUBLE and node.operator in _COMBINED and _converts(args, last):
            out = self.buffer(SINGLE if last else DOUBLE)
            launch(kernels.combine, args, _COMBINED[node.operator], (), out)
            return out
        out = self.buffer(dtype)
        if node.operator in ("Greater", "Less") and isinstance(args[1], float):
            out.fill(args[1])  # NumPy compares two matrices much faster than one with a number
            args[1] = out
        if node.operator == "Neg":
            return np.subtract(0.0, args[0], out=out, dtype=dtype)
        _UFUNCS[node.operator](*args, out=out, dtype=dtype)
        if node.operator == "Power":
            self.mask(out)
        return out

    def condition(self, node: Call, args: list[_Operand]) -> np.ndarray:
        """Compute 1 where a condition holds, 0 where it does not or a value is missing."""
        out = self.buffer(SINGLE)
        if node.operator == "Not":
            np.subtract(np.float32(1), args[0], out=out)
        elif node.operator in ("And", "Or"):
            _UFUNCS[node.operator](*args, out=out)
        else:
            np.copyto(out, _UFUNCS[node.operator](*args))
        self.mask(out)
        return out

    def choice(self, node: Call, args: list[_Operand]) -> np.ndarray:
        """Compute `If`."""
        test, yes, no = args
        out = self.buffer(_result_type(node, args[1:]))
        np.copyto(out, no)
        np.copyto(out, yes, where=np.not_equal(test, 0))
        self.mask(out)
        return out

    # --- over time --------------------------------------------------------------------------------

    def rolling(self, node: Call, args: list[_Operand]) -> np.ndarray:
        """Compute an operator that looks back."""
        assert node.window is not None
        if node.operator in ("Ref", "Delta"):
            return self.shift(node, args[0])
        out = self.buffer(DOUBLE)
        if node.operator == "Quantile":
            *args, fraction = args
            launch(kernels_order.rolling_quantile, args, node.window, (fraction,), out)
        else:
            kernel, extras = _KERNELS[node.operator]
            still = np.zeros(self.shape[1], dtype=np.int64)
            if node.operator in _WITH_LISTING:
                extras = (*extras, self.first)
            elif node.operator in _WITH_STILL:
                extras = (*extras, still)
            launch(kernel, args, node.window, extras, out)
            if node.operator in ("Rsquare", "Corr") and still.any():
                self.drop_constant(args, node.window, np.flatnonzero(still), out)
        if node.operator == "Count":
            self.mask(out)
        return out

    def shift(self, node: Call, x: _Operand) -> np.ndarray:
        """Compute `Ref` and `Delta`."""
        assert isinstance(x, np.ndarray)
        window = node.window or 0
        out = self.buffer(DOUBLE if as_number(node, 0) else x.dtype)
        out[:window] = np.nan
        if node.operator == "Ref":
            out[window:] = x[:-window]
        else:
            np.subtract(x[window:], x[:-window], out=out[window:], dtype=out.dtype)
        return out

    def drop_constant(
        self, args: list[_Operand], window: int, columns: np.ndarray, out: np.ndarray
    ) -> None:
        """Qlib's own rule for Corr and Rsquare: nothing where a series hardly moves."""
        for arg in args:
            assert isinstance(arg, np.ndarray)
            spread = np.empty((self.shape[0], len(columns)))
            launch(kernels.rolling_var, [np.take(arg, columns, axis=1)], window, (1,), spread)
            row, column = np.nonzero(spread <= _LEAST_STD)
            out[row, columns[column]] = np.nan


def session(operator: str, x: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Values of a cross-sectional operator, float64 (T, S).

    Parameters
    ----------
    operator
        Its name.
    x
        Values of all instruments, (T, S).
    outside
        Flat places of the cells outside a listing.
    """
    out = BUFFERS.take(x.shape, DOUBLE)
    if operator == "CSRank":
        keys = BUFFERS.take(x.shape, DOUBLE)
        launch(kernels_session.session_keys, [x], 0, (outside,), keys)
        kernels_session.sort_rows(keys.view(np.uint64))
        launch(kernels_session.session_rank, [x, keys], 0, (), out)
    else:
        launch(kernels_session.session_score, [x], int(operator == "CSZScore"), (outside,), out)
    return out


_LISTINGS: "WeakKeyDictionary[Panel, dict[tuple[int, int], tuple[np.ndarray, np.ndarray]]]" = (
    WeakKeyDictionary()
)


def _listing(sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """Flat places of the cells outside a listing, and the first listed row of each instrument."""
    kept = _LISTINGS.setdefault(sheet.panel, {})
    found = kept.get((sheet.lo, sheet.hi))
    if found is None:
        listed = sheet.panel.listed[:, sheet.lo : sheet.hi]
        rows = np.arange(len(listed), dtype=np.int64)[:, None]
        first = np.where(listed, rows, len(rows)).min(axis=0, initial=len(rows))
        outside = np.flatnonzero(~listed)
        first.flags.writeable = outside.flags.writeable = False
        found = kept[sheet.lo, sheet.hi] = outside, first
    return found


_STRAYS: "WeakKeyDictionary[Panel, dict[str, bool]]" = WeakKeyDictionary()


def _field(panel: Panel, name: str) -> np.ndarray:
    """Values of a field; a copy without what stands outside the listings, if anything does."""
    values = np.asarray(panel.values[name])
    strays = _STRAYS.setdefault(panel, {})
    if name not in strays:
        strays[name] = bool((~np.isnan(values) & ~panel.listed).any())
    return np.where(panel.listed, values, np.float32(np.nan)) if strays[name] else values


def _result_type(node: Call, args: Sequence[_Operand]) -> np.dtype:
    """float64 where a float64 takes part, or where conditions become numbers; else float32."""
    arrays = [arg.dtype for arg in args if isinstance(arg, np.ndarray)]
    if not arrays or DOUBLE in arrays:
        return DOUBLE
    return DOUBLE if any(as_number(node, place) for place in range(len(node.args))) else SINGLE


def _converts(args: Sequence[_Operand], last: bool) -> bool:
    """Whether an operation of two matrices in float64 involves float32 as well."""
    kinds = [arg.dtype for arg in args if isinstance(arg, np.ndarray)]
    return len(kinds) == 2 and DOUBLE in kinds and (last or SINGLE in kinds)


def launch(
    kernel: Callable[..., Any],
    args: Sequence[_Operand],
    window: int,
    extras: tuple[Any, ...],
    out: np.ndarray,
) -> None:
    """Run a kernel, compiled for the types of its arguments.

    Rows among the extras that may be written are results too.
    """
    inputs = "".join(arg.dtype.char for arg in args if isinstance(arg, np.ndarray))
    letters = "".join(map(_letter, extras))
    kernels.compiled(kernel, inputs, letters, out.dtype.char)(*args, window, *extras, out)


def _letter(extra: object) -> str:
    """Kind of a kernel's further argument, as `kernels.compiled` names it."""
    if isinstance(extra, np.ndarray):
        return "w" if extra.flags.writeable else "r"
    return "d" if isinstance(extra, float) else "i"
