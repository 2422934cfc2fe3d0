"""Sources that stand in a module, so that the fetching process can import them."""

import datetime
import os
import sys
import time
from pathlib import Path

import pandas as pd

from data_profile.schedule import china_now
from data_profile.sources.base import (
    Observation,
    Source,
    SourceMalformed,
    SourceRefused,
    SourceUnreachable,
)


class Fake(Source):
    """A table of two boards; subclasses misbehave."""

    name = "fake.board_quotes"
    known_at = "15:35"
    key = ("board",)
    interface = "fake"
    dated = False
    snapshot = True

    def table(self, session: datetime.date) -> pd.DataFrame:
        return pd.DataFrame({"board": ["半导体", "银行"], "close": [1.0, 2.0]})

    def fetch(self, session: datetime.date) -> Observation:
        return Observation(
            self.name, session, china_now(), self.dated, self.table(session), self.key
        )


class Refusing(Fake):
    name = "fake.refusing"

    def fetch(self, session: datetime.date) -> Observation:
        raise SourceRefused(f"{self.name}: 403")


class Hanging(Fake):
    name = "fake.hanging"

    def fetch(self, session: datetime.date) -> Observation:
        time.sleep(600)
        raise SourceUnreachable("never reached")


class Crashing(Fake):
    name = "fake.crashing"

    def fetch(self, session: datetime.date) -> Observation:
        os._exit(7)


class Buggy(Fake):
    name = "fake.buggy"

    def fetch(self, session: datetime.date) -> Observation:
        raise ZeroDivisionError("a fault of ours")


class Surroundings(Fake):
    """Tells of the process it runs in."""

    name = "fake.surroundings"

    def table(self, session: datetime.date) -> pd.DataFrame:
        print("akshare prints to standard output")
        Path("dropped").write_text("relative paths end in the scratch folder")
        told = {"zone": time.strftime("%Z"), "cwd": os.getcwd(), "pid": str(os.getpid())}
        return pd.DataFrame({"board": list(told), "said": list(told.values())})


class Malformed(Fake):
    name = "fake.malformed"

    def fetch(self, session: datetime.date) -> Observation:
        print("to the log", file=sys.stderr)
        raise SourceMalformed(f"{self.name}: one field too many")
