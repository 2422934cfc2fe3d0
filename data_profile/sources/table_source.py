"""What all sources of tables share: someone else fetches and parses, we check."""

import datetime
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pandas as pd

from data_profile.errors import SourceError
from data_profile.schedule import shown_session
from data_profile.sources.answers import Answer, day_said
from data_profile.sources.base import (
    Observation,
    Source,
    SourceEmpty,
    SourceMalformed,
    SourceStale,
)
from data_profile.sources.tables import Column, check_labels, tidy
from data_profile.sources.transport import Transport, shared


class TableSource(Source):
    """A table of one interface.

    Parameters
    ----------
    transport
        Where requests go; default: the one that all sources of this process share.
    """

    columns: ClassVar[Mapping[str, Column]]
    label: ClassVar[str] = ""  # the parser's name of the column by which raw rows are found
    dated: ClassVar[bool] = True  # the answers are of the session that is asked for
    snapshot: ClassVar[bool] = False  # the upstream only ever answers for now
    may_be_empty: ClassVar[bool] = False  # no row is a statement, not a failure

    def __init__(self, transport: Transport | None = None) -> None:
        self._transport = transport

    @property
    def transport(self) -> Transport:
        """Where requests go."""
        return self._transport or shared()

    @abstractmethod
    def _ask(self, session: datetime.date) -> pd.DataFrame:
        """Ask; returns the parser's table as it is."""

    def fetch(self, session: datetime.date) -> Observation:  # noqa: D102 - see Source
        if self.snapshot:
            self._check_now(session)
        with self.transport.fetching(self.name, session if self.dated else None) as answers:
            table = self._asked(session, answers)
        if self.label:
            rows = [row for answer in answers for row in answer.rows]
            check_labels(self.name, table, self.columns, self.label, rows)
        day = day_said(answers) if self.dated else None
        frame = self.complete(self.tidy(table), answers, session)
        if frame.empty and not self.may_be_empty:
            raise SourceEmpty(f"{self.name}: the upstream has no row for {session}")
        return Observation(
            self.name, session, self.transport.clock.now(), day is not None, frame, self.key
        )

    def tidy(self, table: pd.DataFrame) -> pd.DataFrame:
        """Akshare's table in our names and units.

        Raises
        ------
        SourceMalformed
            It is not the table we know.
        """
        return tidy(self.name, table, self.columns)

    def complete(
        self, frame: pd.DataFrame, answers: Sequence[Answer], session: datetime.date
    ) -> pd.DataFrame:
        """What the raw answers say beyond the parser's table; nothing by default."""
        return frame

    def read(
        self, path: Path, session: datetime.date, observed_at: datetime.datetime
    ) -> Observation:
        """A recorded table, as the parser returned it, from a CSV file (UTF-8).

        Raises
        ------
        SourceError
            The file cannot be read.
        SourceMalformed
            It is not the table we know.
        """
        try:
            table = pd.read_csv(path, dtype=str, encoding="utf-8-sig", keep_default_na=False)
        except (OSError, UnicodeDecodeError, pd.errors.ParserError) as error:
            raise SourceError(f"{path} cannot be read: {error}") from error
        except pd.errors.EmptyDataError:
            table = pd.DataFrame()
        frame = self.tidy(table)
        return Observation(self.name, session, observed_at, False, frame, self.key)

    def _asked(self, session: datetime.date, answers: Sequence[Answer]) -> pd.DataFrame:
        try:
            table = self._ask(session)
        except SourceError:
            raise
        except Exception as error:
            if answers and answers[-1].empty:
                raise SourceEmpty(f"{self.name}: the upstream has no row for {session}") from error
            raise SourceMalformed(
                f"{self.name}: the answer to {self.interface} cannot be read "
                f"({type(error).__name__}: {str(error)[:200]!r}); the upstream changed it: "
                "look for a newer akshare"
            ) from error
        if not isinstance(table, pd.DataFrame):
            raise SourceMalformed(f"{self.name}: {type(table).__name__} came, no table")
        return table

    def _listed(self, source: Source, session: datetime.date) -> pd.DataFrame:
        """What another source lists, to ask for each; a failure is told as one of this source."""
        try:
            return source.fetch(session).frame
        except SourceError as error:
            raise type(error)(f"{self.name}, when listing what to ask for: {error}") from error

    def _check_now(self, session: datetime.date) -> None:
        """A snapshot speaks of the session that is open or was the last to be."""
        now = self.transport.clock.now()
        if shown_session(now) != session:
            raise SourceStale(
                f"{self.name}: the upstream only tells what is now ({now:%Y-%m-%d %H:%M}); "
                f"{session} cannot be had"
            )
