"""News sentiment: a score in [-1, 1] for each sector and session, from headlines.

Headlines are hostile text: they are cut, cleaned, scored and never anything else. The word list
(`lexicon.py`) scores them unless a language model is handed in; how it was done stands beside the
number. A sector without a headline has no score: no news is not neutral news.
"""

import datetime
import hashlib
import math
import sqlite3
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from data_profile import sessions
from data_profile.errors import DataError
from data_profile.lexicon import Lexicon

ModelScorer = Callable[[Sequence[str]], Sequence[float]]
"""Scores at most `BATCH` headlines, each in [-1, 1]; raises `ScorerUnavailable` if it cannot."""

BATCH = 20
LONGEST = 200
"""Letters of a headline that are read."""
_CHINA = ZoneInfo("Asia/Shanghai")
_KEYS = ("code", "board", "kind")
_HEARD = frozenset(".%+-")  # 增长1.5% is not 增长15%
_TABLE = """
CREATE TABLE IF NOT EXISTS scores (
    method TEXT NOT NULL,
    headline TEXT NOT NULL,
    score REAL NOT NULL CHECK (score BETWEEN -1 AND 1),
    PRIMARY KEY (method, headline)
) WITHOUT ROWID
"""


class NewsError(DataError):
    """A table of headlines cannot be used, or kept scores cannot be read."""


class ScorerUnavailable(DataError):
    """The language model does not score now: no budget, no answer, no valid answer."""


@dataclass(frozen=True)
class Scored:
    """The headlines of one session, scored.

    Parameters
    ----------
    table
        The columns among code, board, kind that were given, then `headline` (cleaned), `key` (the
        same for the same words), `time`, `score`; each headline once for each code or board, the
        earliest; by time.
    method
        `lexicon-1`, or what the language model's scorer is called; of every row.
    left_out
        Rows that were not used, by reason: "early", "late", "untimed", "empty", "repeated".
    note
        Why the word list scored although a model was there; "" otherwise.
    """

    table: pd.DataFrame
    method: str
    left_out: dict[str, int]
    note: str = ""


Scoring = Callable[[Path], "Sentiment"]
"""Makes the scorer of a cache folder (`Home.cache`): `Sentiment` itself, or with a model."""


class Sentiment:
    """Scores headlines, and keeps what a language model said of them.

    Parameters
    ----------
    folder
        Where a model's scores are kept (`home.cache`); made when needed.
    model
        Scores headlines; None for the word list.
    method
        Name of the model and version of its prompt, for example `deepseek/deepseek-chat news-1`.
        Scores are kept by it: another name asks again.

    Examples
    --------
    >>> import tempfile
    >>> scores, method, note = Sentiment(Path(tempfile.gettempdir())).scores(["公司被立案调查"])
    >>> scores[0] < 0, method
    (True, 'lexicon-1')
    """

    def __init__(self, folder: Path, model: ModelScorer | None = None, method: str = "") -> None:
        if (model is None) != (not method):
            raise ValueError("a model's scorer and its name come together")
        self._path = Path(folder) / "news.db"
        self._model, self._method = model, method

    def day(self, news: pd.DataFrame, session: datetime.date, cutoff: str = "15:35") -> Scored:
        """Score the headlines that belong to a session.

        Those are the headlines from the cut-off of the session before (inclusive; weekends and
        holidays so count for the session after them) to the session's own (exclusive).

        Parameters
        ----------
        news
            Columns `headline`, `time` (timezone-aware) and at least one of code, board.
        session
            A trading session.
        cutoff
            "HH:MM", Asia/Shanghai.

        Raises
        ------
        NewsError
            The table lacks a column, a time has no zone, or the day is no session.
        """
        start, end = _span(session, cutoff)
        rows, left_out = _usable(news, start, end)
        words = dict(zip(rows["key"], rows["headline"], strict=True))
        scores, method, note = self.scores(list(words.values()))
        by_key = dict(zip(words, scores, strict=True))
        return Scored(rows.assign(score=rows["key"].map(by_key).astype(float)), method, left_out,
                      note)  # fmt: skip

    def scores(self, headlines: Sequence[str]) -> tuple[list[float], str, str]:
        """Scores in order, the method, and why the word list stood in ("" if it did not).

        One call has one method: where a model fails on any headline the word list scores them
        all. What the model had said is kept for the next time.

        Raises
        ------
        NewsError
            Kept scores cannot be read or written.
        """
        headlines = [clean(text) for text in headlines]
        note = ""
        if self._model is not None:
            try:
                return self._asked(self._model, headlines), self._method, ""
            except ScorerUnavailable as error:
                note = str(error)
        lexicon = Lexicon.load()
        return lexicon(headlines), lexicon.method, note

    def _asked(self, model: ModelScorer, headlines: Sequence[str]) -> list[float]:
        keys = [key(text) for text in headlines]
        known = self._find(keys)
        new = {one: text for one, text in zip(keys, headlines, strict=True) if one not in known}
        for batch in _batches(list(new)):
            said = _checked(model([new[one] for one in batch]), len(batch))
            self._keep(dict(zip(batch, said, strict=True)))
            known |= dict(zip(batch, said, strict=True))
        return [known[one] for one in keys]

    def _find(self, keys: Sequence[str]) -> dict[str, float]:
        asked = "SELECT score FROM scores WHERE method = ? AND headline = ?"
        with self._kept() as kept:
            found = {one: kept.execute(asked, (self._method, one)).fetchone() for one in set(keys)}
        return {one: float(row[0]) for one, row in found.items() if row is not None}

    def _keep(self, scores: dict[str, float]) -> None:
        rows = [(self._method, one, score) for one, score in scores.items()]
        with self._kept() as kept, kept:
            kept.executemany("INSERT OR IGNORE INTO scores VALUES (?, ?, ?)", rows)

    @contextmanager
    def _kept(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=30)) as kept:
                kept.execute("PRAGMA journal_mode = WAL")
                with kept:
                    kept.execute(_TABLE)
                yield kept
        except (sqlite3.Error, OSError) as error:
            raise NewsError(
                f"{self._path} cannot be used ({error}); delete it, and the model is asked again"
            ) from error


def by_sector(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean score and number of headlines of each sector.

    A headline counts once in a sector, however many of its stocks it names.

    Parameters
    ----------
    rows
        `Scored.table` with a column `sector`; a row a sector that a headline is about.

    Returns
    -------
    DataFrame
        Index sector, columns `news_sentiment` (-1..1) and `news_count`. Sectors without a
        headline are not in it: their sentiment is missing, not zero.
    """
    once = rows.drop_duplicates(["sector", "key"]).groupby("sector")["score"]
    # fsum: the mean does not depend on the order of the rows
    return pd.DataFrame(
        {"news_sentiment": once.agg(lambda s: math.fsum(s) / len(s)), "news_count": once.size()}
    ).astype({"news_sentiment": float, "news_count": float})


def clean(headline: object) -> str:
    r"""One printable line of at most `LONGEST` letters; "" for what is no text.

    Examples
    --------
    >>> clean("公司\n中标  大单")
    '公司 中标 大单'
    """
    if not isinstance(headline, str):
        return ""
    start = headline[: 10 * LONGEST]
    kept = "".join(c if c.isprintable() else " " for c in start)
    return " ".join(kept.split())[:LONGEST].strip()


def key(headline: str) -> str:
    """SHA-256 of what a headline says; brackets, blanks and width say nothing."""
    folded = unicodedata.normalize("NFKC", headline).casefold()
    said = "".join(c for c in folded if c.isalnum() or c in _HEARD)
    return hashlib.sha256(said.encode()).hexdigest()


def _span(session: datetime.date, cutoff: str) -> tuple[datetime.datetime, datetime.datetime]:
    if not sessions.is_session(session):
        raise NewsError(f"{session} is no trading day; its news belong to the next session")
    try:
        clock = datetime.datetime.strptime(cutoff, "%H:%M").time()
    except ValueError as error:
        raise NewsError(f"cutoff {cutoff!r} is no time of day; write it like 15:35") from error
    before = sessions.sessions(session - datetime.timedelta(20), session)[-2]
    start, end = (datetime.datetime.combine(day, clock, _CHINA) for day in (before, session))
    return start, end


def _usable(
    news: pd.DataFrame, start: datetime.datetime, end: datetime.datetime
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of the span, each headline once for each code or board; and what was left out."""
    keys = [name for name in _KEYS if name in news]
    missing = [name for name in ("headline", "time") if name not in news]
    if missing or not {"code", "board"} & set(keys):
        raise NewsError(f"news lack {', '.join(missing) or 'code or board'}; it has {list(news)}")
    rows = news[[*keys, "headline", "time"]].copy()
    rows["time"] = _instants(rows["time"])
    rows["headline"] = rows["headline"].map(clean)
    wrong = pd.Series("", index=rows.index)
    wrong[rows["time"] < start] = "early"
    wrong[rows["time"] >= end] = "late"
    wrong[rows["time"].isna()] = "untimed"
    wrong[~rows["headline"].map(lambda text: any(map(str.isalnum, text))).astype(bool)] = "empty"
    left_out = {
        str(why): int(count)
        for why, count in wrong[wrong != ""].value_counts().sort_index().items()
    }
    good = rows[wrong == ""]
    good = good.assign(key=good["headline"].map(key)).sort_values([*keys, "key"], kind="stable")
    good = good.sort_values("time", kind="stable")
    once = good.drop_duplicates([*keys, "key"], ignore_index=True)
    if len(once) < len(good):
        left_out["repeated"] = len(good) - len(once)
    return once[[*keys, "headline", "key", "time"]], left_out


def _instants(times: pd.Series) -> pd.Series:
    """Times as instants; missing stays missing."""

    def instant(value: object) -> object:
        if not isinstance(value, datetime.datetime) or value is pd.NaT:
            return pd.NaT
        if value.tzinfo is None:
            raise NewsError(
                f"time {value} has no zone; a source gives it, for example +08:00 for Shanghai"
            )
        return value

    return pd.to_datetime(times.map(instant), utc=True)


def _batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(keys), BATCH):
        yield keys[at : at + BATCH]


def _checked(said: Sequence[float], wanted: int) -> list[float]:
    """What a model's scorer answered, if it is as many numbers in [-1, 1]."""
    numbers = list(said)
    if len(numbers) != wanted:
        raise ScorerUnavailable(f"{len(numbers)} scores came for {wanted} headlines")
    for one in numbers:
        if isinstance(one, bool) or not isinstance(one, int | float) or not -1 <= one <= 1:
            raise ScorerUnavailable(f"{str(one)[:40]!r} is no score from -1 to 1")
    return [float(one) for one in numbers]
