"""The errors of this package. Each message says what was wrong, where, and what to do."""


class DataError(Exception):
    """Anything wrong with data, its store or its calendar."""


class PanelError(DataError):
    """A panel cannot be made, saved or opened."""


class SourceError(DataError):
    """A source gave something that cannot be taken; names file, column and row where known."""


class StoreError(DataError):
    """The store is missing, damaged or cannot be written."""


class CalendarError(DataError):
    """A session lies outside what the trading calendar knows."""
