"""What may enter the store: rows of one session of the exchange, under names that can be files'."""

import datetime
from typing import TYPE_CHECKING

from data_profile.batches import SHANGHAI, STATES, State
from data_profile.errors import SourceError, StoreError
from data_profile.identifiers import (
    FIELD_RULE,
    INSTRUMENT_RULE,
    is_field,
    is_instrument,
    same_but_case,
)
from data_profile.panel import Panel
from data_profile.sessions import is_session

if TYPE_CHECKING:
    import pandas as pd


def checked_day(
    rows: "pd.DataFrame", session: datetime.date, observed_at: datetime.datetime, state: State
) -> "pd.DataFrame":
    """The rows of a session with their date, or why they cannot be taken."""
    if state not in STATES:
        raise StoreError(f"state {state!r} is none of {', '.join(STATES)}")
    if not is_session(session):
        raise StoreError(f"{session} is no trading day in Shanghai; nothing is stored for it")
    if observed_at.tzinfo is None:
        raise StoreError(f"observed_at {observed_at} has no time zone; give one")
    if observed_at.astimezone(SHANGHAI).date() < session:
        raise StoreError(f"rows of {session} cannot have been observed at {observed_at}")
    frame = rows if "date" in rows.columns else rows.assign(date=str(session))
    panel = Panel.from_frame(frame)
    if [day.item() for day in panel.sessions] != [session]:
        raise StoreError(f"rows appended for {session} speak of {panel.sessions[0]}")
    check_names(panel)
    return frame.sort_values("instrument", ignore_index=True)


def check_names(panel: Panel) -> None:
    """SourceError where an id or a field's name cannot be a folder's or a file's name."""
    for what, names, good, rule in (
        ("instrument", panel.instruments, is_instrument, INSTRUMENT_RULE),
        ("field", panel.fields, is_field, FIELD_RULE),
    ):
        for name in names:
            if not good(name):
                raise SourceError(f"{what} {name!r} cannot name a file; use {rule}")
        if clash := same_but_case(names):
            raise SourceError(f"{what}s {clash[0]!r} and {clash[1]!r} differ only in case")
