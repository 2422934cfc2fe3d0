"""The pool as one Python file that needs numpy and pandas and nothing of this project."""

import inspect
from collections.abc import Sequence

from factor_pool.evaluation.labels import LABELS
from factor_pool.exporters import standalone
from factor_pool.expression import parse
from factor_pool.expression.nodes import Call, Field, Node, Number
from factor_pool.expression.qlib_text import as_number, is_condition
from factor_pool.records import Member

_SYMBOLS = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "Power": "**",
            "Gt": ">", "Ge": ">=", "Lt": "<", "Le": "<=", "Eq": "==", "Ne": "!="}  # fmt: skip
_ROLLING = {"Mean": "mean", "Sum": "sum", "Std": "std", "Var": "var", "Skew": "skew",
            "Kurt": "kurt", "Max": "max", "Min": "min", "Med": "median"}  # fmt: skip
_METHODS = {"Ref": "ref", "EMA": "ema", "Rank": "rank", "Count": "count", "Mad": "mad",
            "IdxMax": "place_of_max", "IdxMin": "place_of_min", "Slope": "slope",
            "Rsquare": "rsquare", "Resi": "resi", "Corr": "corr", "Cov": "cov",
            "CSRank": "cs_rank", "CSZScore": "cs_zscore", "CSDemean": "cs_demean"}  # fmt: skip
_PLAIN = {"Abs": "abs({})", "Sign": "np.sign({})", "Log": "m.log({})", "Neg": "0 - {}",
          "Greater": "np.maximum({}, {})", "Less": "np.minimum({}, {})",
          "And": "np.minimum({}, {})", "Or": "np.maximum({}, {})", "Not": "1 - {}",
          "If": "m.choose({}, {}, {})"}  # fmt: skip


def source(members: Sequence[Member]) -> str:
    """Text of the file.

    Only the canonical expressions, read back by our own parser, become code; a hypothesis is text
    from outside and appears as a quoted literal.
    """
    blocks = [
        f"def {member.id}(m: Market) -> Frame:\n"
        f"    {str(parse(member.expression))!r}\n"
        f"    return {_code(parse(member.expression).node)}\n"
        for member in members
    ]
    facts = "".join(
        f"    # {'more' if member.sign > 0 else 'less'} means {LABELS[member.label].more}; "
        f"accepted {member.accepted_at:%Y-%m-%d}, p = {member.p_value:.2g}\n"
        f"    {member.id!r}: {member.id},\n"
        for member in members
    )
    text = inspect.getsource(standalone)
    empty = "FACTORS: dict[str, Callable[[Market], Frame]] = {}\n"
    table = f"FACTORS: dict[str, Callable[[Market], Frame]] = {{\n{facts}}}\n"
    body = text.replace(empty, "\n\n".join([*blocks, table]))
    return f'{body}\n\nif __name__ == "__main__":\n    main()\n'


def _code(node: Node) -> str:
    """An expression of Python that computes a node on the market `m`."""
    if isinstance(node, Number):
        return repr(node.value) if node.value >= 0 else f"({node.value!r})"
    if isinstance(node, Field):
        return f"m[{node.name!r}]"
    args = [_argument(node, place) for place in range(len(node.args))]
    name = node.operator
    if name in _SYMBOLS:
        infix = f"({args[0]} {_SYMBOLS[name]} {args[1]})"
        return f"m.truth{infix}" if is_condition(node) else infix
    if name in _PLAIN:
        return f"({_PLAIN[name].format(*args)})"
    if name == "Delta":
        return f"({args[0]} - m.ref({args[0]}, {node.window}))"
    if name == "Quantile":
        return f"m.rolling({args[0]}, {node.window}, 'quantile', {args[1]})"
    if name in _ROLLING:
        return f"m.rolling({args[0]}, {node.window}, {_ROLLING[name]!r})"
    window = [] if node.window is None else [str(node.window)]
    return f"m.{_METHODS[name]}({', '.join([*args, *window])})"


def _argument(node: Call, place: int) -> str:
    text = _code(node.args[place])
    return f"{text}.astype('float64')" if as_number(node, place) else text
