"""The whole day inside a VeighNa MainEngine (extra `[vnpy]`): collecting and the predictor's tasks.

    from vnpy.event import EventEngine
    from vnpy.trader.engine import MainEngine
    from console.vnpy_engine import DailyEngine

    main_engine = MainEngine(EventEngine())
    main_engine.add_engine(DailyEngine)            # TIDE_HOME names the home folder, absolute

`data_profile.vnpy_engine.CollectorEngine` is the same without forecasts.
"""

import os
from pathlib import Path

from vnpy.event import EventEngine
from vnpy.trader.engine import MainEngine

from console.commands.options import open_home
from data_profile.vnpy_engine import NAME, CollectorEngine
from predictor.daily import TASKS


class DailyEngine(CollectorEngine):
    """Runs each step of the day as it falls due.

    Parameters
    ----------
    main_engine, event_engine, engine_name
        See `CollectorEngine`.

    Raises
    ------
    DataError
        `TIDE_HOME` is not set, or not absolute.
    """

    tasks = TASKS

    def __init__(
        self, main_engine: MainEngine, event_engine: EventEngine, engine_name: str = NAME
    ) -> None:
        home = Path(os.environ.get("TIDE_HOME", ""))
        if home.is_absolute():  # else the collector's engine refuses
            open_home(home)
        super().__init__(main_engine, event_engine, engine_name)
