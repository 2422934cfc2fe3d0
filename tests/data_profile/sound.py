"""What `tide data verify` proves, for tests."""

from data_profile.home import Home
from data_profile.raw import Raw
from data_profile.store import Store


def assert_sound(home: Home) -> None:
    """Raw zone, truth, panel and Qlib tree are what was written."""
    assert Raw(home.store / "raw").verify() == ()
    if Store(home.store).exists():
        Store(home.store).panel()
