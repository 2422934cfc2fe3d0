"""Where data comes from: one concept a file.

`SOURCES` names every table that can be collected for a session; each entry makes a `Source` and
takes `transport=` (and, where one request is one stock or board, what to ask for). The histories
of single boards, for a backfill, are in `akshare_history`.

Examples
--------
>>> sorted(SOURCES)[:3]
['akshare.auction', 'akshare.board_flow.concept', 'akshare.board_flow.industry']
>>> SOURCES["akshare.limit_up_pool"]().known_at
'15:35'
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from data_profile.sources.akshare_auction import Auction
from data_profile.sources.akshare_boards import (
    BoardMembersConcept,
    BoardMembersIndustry,
    BoardQuotesConcept,
    BoardQuotesIndustry,
)
from data_profile.sources.akshare_flow import (
    BoardFlowConcept,
    BoardFlowIndustry,
    BoardMainFlowConcept,
    BoardMainFlowIndustry,
)
from data_profile.sources.akshare_lhb import LhbInstitutions, LhbStocks
from data_profile.sources.akshare_news import News
from data_profile.sources.akshare_pools import (
    BrokenPool,
    LimitDownPool,
    LimitUpPool,
    LimitUpPrevious,
    StrongPool,
)
from data_profile.sources.akshare_stocks import OpeningQuotes, Stocks
from data_profile.sources.base import (
    Observation,
    Source,
    SourceEmpty,
    SourceMalformed,
    SourceRefused,
    SourceSpent,
    SourceStale,
    SourceUnreachable,
)
from data_profile.sources.eastmoney_seats import LhbSeats
from data_profile.sources.ths import ThsLimitUpPool

SOURCES: Mapping[str, Callable[..., Source]] = MappingProxyType(
    {
        made.name: made
        for made in (
            LimitUpPool,
            LimitUpPrevious,
            StrongPool,
            BrokenPool,
            LimitDownPool,
            ThsLimitUpPool,
            Stocks,
            BoardFlowIndustry,
            BoardFlowConcept,
            BoardMainFlowIndustry,
            BoardMainFlowConcept,
            BoardQuotesIndustry,
            BoardQuotesConcept,
            BoardMembersIndustry,
            BoardMembersConcept,
            LhbStocks,
            LhbInstitutions,
            LhbSeats,
            News,
            OpeningQuotes,
            Auction,
        )
    }
)
"""Every source by its name."""

__all__ = [
    "SOURCES",
    "Observation",
    "Source",
    "SourceEmpty",
    "SourceMalformed",
    "SourceRefused",
    "SourceSpent",
    "SourceStale",
    "SourceUnreachable",
]
