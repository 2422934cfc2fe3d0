"""Texts that try to break the parser, seeded and without end."""

import random
from collections.abc import Iterator

_GOOD = [
    "Mean($close, 5) / $close",
    "CSRank(Mean($net_inflow / $turnover, 5))",
    "Corr($close, Log($volume + 1), 20) * -1",
    "If(And($close > $open, $a < 1e-3), Ref($close, 1), Delta($open, 5))",
    "Quantile($close, 20, 0.8) - Quantile($close, 20, .2)",
]
_EXPLOITS = [
    "[((__import__)('os').system)('touch /tmp/x'),$close][1]",
    "[(C.__class__.__init__.__globals__['os'].system)('id'),$close][1]",
    "[(open)('path','w'),$close][1]",
    "Feature('../../../secret/pw')",
    "reset()",
    "$close.__class__.__mro__[1].__subclasses__()",
    "().__class__.__bases__[0]",
    "lambda: $close",
    "(lambda f: f(f))(lambda f: f(f))",
    "__builtins__['eval']('1')",
    "exec('import os')",
    "f'{$close}'",
    "'{0.__class__}'.format($close)",
    "%s%s%n" * 50,
    "${jndi:ldap://x}",
    "$(id)",
    "`id`",
    "$close; import os",
    "$close\n__import__('os')",
    "$close if 1 else 0",
    "[x for x in ()]",
    "{**$close}",
    "$close := 5",
    "Mean($close, N=5)",
    "Mean(*$close)",
    "Mean($close, 5)(1)",
    "$close[0]",
    "$close@5min",
    "$$close",
    "Mean($close, 10**9)",
    "9**9**9**9 * $close",
    "1e308 * 1e308 * $close",
    "0x10 * $close",
    "1_000 * $close",
    "1j * $close",
    "nan * $close",
    "inf * $close",
    "Power(2, 100000) * $close",
    "P($$roewa_q)",
    "Mask($close, 'SH600000')",
    "ChangeInstrument('../../etc/passwd', $close)",
    "TResample($close, '1D', 'mean')",
    "Ref($close, -1)",
    "Ref($close, - 1)",
    "Ref($close, 1-2)",
    "Ref($close, -(1))",
    "Delta($close, -1)",
    "Ref($close, 0)",
    "Mean($close, 0)",
    "Mean($close, ٥)",
    "Ｍean($close, 5)",
    "Ref($clоse, 1)",
    "$close\u202e)1 ,",
    "\ufeff$close",
    "$close\u200b",
    "$close ‐ 1",
    "²",
    "$\x00close",
    "\ud800",
    "\\u0024close",
    "#$close",
    "$close # comment",
    "$close // 2",
    "$close % 2",
    "$close << 2",
    "$close @ 2",
    "~$close",
    "not $close",
    "$close and $open",
    "$close is $open",
    "$close in $open",
    "await $close",
    "...",
    "$close ...",
    "",
]
_PIECES = [
    "(", ")", ",", "$", "$close", "Mean(", "Ref($close, ", "-", "--", "**", ">", "==", "&", "|",
    "1e999", "1e-999", "9" * 400, ".", "..", "1.2.3", "1e", "1e+", "0", "-1", "250", "251", " ",
    "\t", "\n", "\r", "\0", "\x1b[2J", "\x7f", "\u3000", "（", "，", "，５", "𝟓", "＄", "'", '"',
    "\\", "{", "}", "[", "]", "%s", "{0}", "__", "__class__", ".__init__", "import os", "None",
    "True", "NaN", "If(", "And(", "Corr(", "CSRank(", "Quantile(", "WMA(", "😀", "\U0010ffff",
]  # fmt: skip


def texts(count: int, seed: int) -> Iterator[str]:
    """Yield `count` texts: bombs, exploits, and mutations of them and of good expressions."""
    chance = random.Random(seed)
    yield from _bombs()
    for _ in range(count - len(list(_bombs()))):
        text = chance.choice(_GOOD if chance.random() < 0.6 else _EXPLOITS)
        for _ in range(chance.randint(1, 4)):
            text = _mutated(text, chance)
        yield text[:2_000_000]


def _bombs() -> Iterator[str]:
    for n in (60, 70, 1_000, 3_900, 100_000, 1_000_000):
        yield "(" * n
        yield "(" * n + "$a" + ")" * n
        yield "-" * n + "$a"
        yield "Abs(" * n + "$a" + ")" * n
        yield "$a" + "**$a" * n
        yield "$a" + "+$a" * n
        yield "$a" + ">$a" * n
        yield "9" * n
        yield "." * n
        yield " " * n
        yield "$" * n
        yield "a" * n
        yield "$" + "a" * n
        yield "Mean($a, " + "9" * n + ")"
        yield "1" + "e" * n
        yield "2**" * n + "$a"
        yield "\0" * n
        yield "（" * n
        yield "If($a>0," * n
        yield "1e" + "9" * n + "*$a"


def _mutated(text: str, chance: random.Random) -> str:
    place = chance.randint(0, len(text))
    kind = chance.randint(0, 6)
    if kind == 0:
        return text[:place] + chance.choice(_PIECES) + text[place:]
    if kind == 1:
        return text[:place] + text[place + chance.randint(1, 5) :]
    if kind == 2:
        return text[:place] + chr(chance.randint(0, 0x2FFF)) + text[place + 1 :]
    if kind == 3:
        return text[:place] * chance.randint(2, 3) + text[place:]
    if kind == 4:
        return chance.choice(_GOOD + _EXPLOITS)[: chance.randint(0, 40)] + text[place:]
    if kind == 5:
        return text.replace(chance.choice("$(),59ae"), chance.choice(_PIECES))
    return chance.choice(_PIECES) * chance.randint(1, 50) + text
