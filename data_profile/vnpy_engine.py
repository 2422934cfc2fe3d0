"""The collector inside a VeighNa MainEngine (extra `[vnpy]`), driven by its event engine.

    from vnpy.event import EventEngine
    from vnpy.trader.engine import MainEngine
    from data_profile.vnpy_engine import CollectorEngine

    main_engine = MainEngine(EventEngine())
    main_engine.add_engine(CollectorEngine)        # TIDE_HOME names the home folder, absolute

VeighNa's event thread dies silently of an exception in any handler, and then nothing that relies
on events runs any more. So the handler here only sets a flag; the work is done by a thread of our
own, in processes of their own, and that thread goes on, and says so, where no timer event comes.
"""

import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from vnpy.event import EVENT_TIMER, Event, EventEngine
from vnpy.trader.engine import BaseEngine, MainEngine
from vnpy.trader.logger import logger

from data_profile.errors import DataError
from data_profile.fetching import Sources
from data_profile.home import Home
from data_profile.schedule import china_now
from data_profile.service import TICK, Runner
from data_profile.tasks import Task

NAME = "LimitUpTide"
_DEAD = (
    "no timer event for {seconds:.0f} s: VeighNa's event thread has died of an exception in some "
    "handler, or hangs in one; collecting goes on without it, but restart VeighNa"
)
_BACK = "timer events come again"


class CollectorEngine(BaseEngine):
    """Collects each session's data as its steps fall due.

    Parameters
    ----------
    main_engine, event_engine
        What it runs in.
    engine_name
        Its name in `main_engine.engines`.

    Raises
    ------
    DataError
        `TIDE_HOME` is not set, or not absolute: MainEngine changes the working directory, so that
        a relative path means something else after it.
    """

    sources: Sources | None = None  # a subclass may name its own; None: all that there are
    tasks: Sequence[Task] = ()  # what a day is made of beside collecting
    now = staticmethod(china_now)
    silence = 60.0  # seconds without a timer event after which the event thread counts as dead

    def __init__(
        self, main_engine: MainEngine, event_engine: EventEngine, engine_name: str = NAME
    ) -> None:
        super().__init__(main_engine, event_engine, engine_name)
        home = Home(Path(os.environ.get("TIDE_HOME", "")))
        if not home.root.is_absolute():
            raise DataError("set TIDE_HOME to the absolute path of the home folder")
        home.create()
        sources = self.sources
        if sources is None:
            from data_profile.sources import SOURCES

            sources = SOURCES
        self._runner = Runner(home, sources, self._say, self.now, tasks=self.tasks)
        self._beat = threading.Event()
        self._stop = threading.Event()
        self._hearing = True
        self._problem = ""
        self._idle = False
        self._thread = threading.Thread(target=self._work, name=engine_name, daemon=True)
        self._thread.start()
        event_engine.register(EVENT_TIMER, self._on_timer)

    @property
    def alive(self) -> bool:
        """Whether the collecting thread runs."""
        return self._thread.is_alive()

    @property
    def idle(self) -> bool:
        """Whether it has looked at the clock and nothing is due or under way."""
        return self._idle

    def close(self) -> None:
        """Stop; a run under way is ended, and the next one goes on where it was."""
        self.event_engine.unregister(EVENT_TIMER, self._on_timer)
        self._stop.set()
        self._beat.set()
        self._thread.join()

    def _on_timer(self, event: Event) -> None:
        self._beat.set()

    def _work(self) -> None:
        looked = 0.0
        hearing = True
        while not self._stop.is_set():
            beat = self._beat.wait(self.silence)
            self._beat.clear()
            if beat != hearing:
                hearing = self._hearing = beat
                self._say(_BACK if beat else _DEAD.format(seconds=self.silence))
            if self._runner.busy or not beat or time.monotonic() - looked >= TICK:
                looked = time.monotonic()
                self._tick()
        self._runner.close()

    def _tick(self) -> None:
        try:
            self._runner.tick()
        except (DataError, OSError) as error:
            if str(error) != self._problem:
                self._say(f"error: {error}")
            self._problem = str(error)
        else:
            self._problem = ""
            self._idle = not self._runner.busy

    def _say(self, line: str) -> None:
        if self._hearing and not self._stop.is_set():
            self.main_engine.write_log(line, NAME)
        else:  # no one takes events from the queue
            logger.bind(gateway_name=NAME).warning(line)
