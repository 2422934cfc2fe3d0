"""The forecast log: every forecast as it was made, and none can be changed afterwards.

SQLite in WAL, append-only: triggers refuse UPDATE, DELETE and REPLACE, and each row holds the hash
of the row before it, so that a change made past the triggers is found by `verify`. What no file on
one's own machine can prove is that its end was not cut off and written anew; whoever wants that
keeps the hash of a record elsewhere, and the daily message carries it.

A record is `live` if it was made after the close of the session it starts from and before 09:15 of
the very next one, which it is about. Only live records count (`track_record`).
"""

from predictor.forecast_log.live import track_record
from predictor.forecast_log.log import ForecastLog
from predictor.forecast_log.records import CONFIRM, PREDICT, ForecastLogError, Record

__all__ = ["CONFIRM", "PREDICT", "ForecastLog", "ForecastLogError", "Record", "track_record"]
