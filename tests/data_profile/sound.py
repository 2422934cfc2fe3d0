"""What `tide data verify` proves, for tests."""

from data_profile.home import Home
from data_profile.raw import Raw
from data_profile.store import Store
from data_profile.verify import verify


def assert_sound(home: Home) -> None:
    """Raw zone, truth, panel and Qlib tree are what was written."""
    if Store(home.store).exists():
        report = verify(home.store)
        assert report.ok, [check for check in report.checks if not check.ok]
    else:
        assert Raw(home.store / "raw").verify() == ()
