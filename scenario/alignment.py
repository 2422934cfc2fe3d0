"""Whether an expression reads what its hypothesis speaks of: by rule, and lenient.

A hypothesis speaks of a field if it names it (`$net_inflow`, "net inflow", 主力净流入), or a
subject that the field belongs to (资金, "money flow"). One field in common is enough; a hypothesis
that speaks of no known subject is held against nothing.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from data_profile.profile import Field

SCALES = frozenset({"company_count", "float_value"})
"""Fields that only make sectors, or stocks, comparable: no hypothesis has to speak of them."""


@dataclass(frozen=True)
class Subject:
    """Something that hypotheses speak of, and the fields that show it.

    Parameters
    ----------
    english
        Regular expression of how words begin, in lower case.
    chinese
        Regular expression that stands anywhere.
    fields
        Regular expression over the names of fields.
    """

    english: str
    chinese: str
    fields: str

    def named_in(self, text: str) -> bool:
        """Whether a text, in lower case, names it."""
        return re.search(rf"(?<![a-z])(?:{self.english})|{self.chinese}", text) is not None


SUBJECTS = (
    Subject(
        r"flow|money|capital|fund|main.force|accumulat|institution|order|buying|selling|inflow|outflow",
        r"资金|流入|流出|主力|潜伏|吸筹|抢筹|建仓|大单|机构|买盘|卖盘",
        r"inflow|outflow|flow_|_net|net_buy",
    ),
    Subject(
        r"limit|board|streak|seal|ladder|promot|relay|wave|leader|ignit|ferment|climax|hot.money",
        r"涨停|跌停|连板|首板|一字|封|炸板|晋级|接力|梯队|龙头|启动|发酵|高潮|打板|情绪|游资",
        r"limit|board|streak|one_word|seal|ladder|promotion|broken",
    ),
    Subject(
        r"turnover|volume|liquid|amount|activ|attention|trading|crowd|heat",
        r"成交|量能|放量|缩量|换手|流动性|活跃|关注|拥挤|热度",
        r"turnover|^volume$",
    ),
    Subject(
        r"price|return|momentum|trend|revers|volatil|range|gap|rise|rising|fall|gain|loss|strength"
        r"|drawdown|breakout|overnight|highs|lows|moves",
        r"价格|涨幅|跌幅|走势|趋势|动量|反转|波动|振幅|跳空|强势|弱势|新高|新低|突破|上涨|下跌|弹性",
        r"^(open|high|low|close|ret|ret_cw)$",
    ),
    Subject(
        r"breadth|rising stocks|falling stocks|participat|diffus|spread|follow",
        r"广度|普涨|家数|扩散|跟风|联动|共振",
        r"up_count|down_count|breadth",
    ),
    Subject(
        r"dragon|tiger|seat|hot.money|institution",
        r"游资|龙虎|席位|机构",
        r"^lhb_",
    ),
    Subject(r"northbound|foreign", r"北向|外资|陆股通", r"northbound"),
    Subject(
        r"news|headline|sentiment|catalyst|policy",
        r"新闻|消息|舆情|情绪|题材|催化|政策",
        r"news",
    ),
)


class Alignment:
    """Holds expressions against hypotheses.

    Parameters
    ----------
    fields
        Name -> meaning of every known field.

    Examples
    --------
    >>> from data_profile.profile import Profile
    >>> alignment = Alignment(Profile.load().fields)
    >>> alignment.holds("主力资金连续流入而价格未动", ["net_inflow", "turnover"])
    True
    >>> alignment.holds("北向资金回流", ["news_sentiment"])
    False
    >>> alignment.holds("Something new.", ["news_sentiment"])
    True
    """

    def __init__(self, fields: Mapping[str, Field]) -> None:
        self._names = {
            name: (name, name.replace("_", " "), field.en.lower(), field.zh.lower())
            for name, field in fields.items()
        }

    def spoken_of(self, text: str) -> frozenset[str]:
        """Fields that a text names, or whose subject it names."""
        folded = text.lower()
        named = {
            name
            for name, spellings in self._names.items()
            if any(_stands_in(spelling, folded) for spelling in spellings)
        }
        for subject in SUBJECTS:
            if subject.named_in(folded):
                named |= {name for name in self._names if re.search(subject.fields, name)}
        return frozenset(named)

    def holds(self, text: str, read: Iterable[str]) -> bool:
        """Whether a hypothesis speaks of at least one of the fields that are read.

        Parameters
        ----------
        text
            The hypothesis with its reason; untrusted.
        read
            Names of the fields of an expression.
        """
        spoken = self.spoken_of(text)
        telling = set(read) - SCALES
        return not spoken or not telling or bool(spoken & telling)


def _stands_in(spelling: str, text: str) -> bool:
    """Whether a name stands in a text: as a word of its own where it is of Latin letters."""
    if spelling.isascii():
        return re.search(rf"(?<![a-z0-9_]){re.escape(spelling)}(?![a-z0-9_])", text) is not None
    return spelling in text
