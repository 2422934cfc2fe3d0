"""akshare itself: imported late, without progress bars, and made to forget."""

import importlib
import os
from functools import lru_cache
from typing import Any


def akshare_function(interface: str) -> Any:
    """A function of akshare, imported when it is first asked for (that takes seconds)."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # its progress bars would stand in the log
    return getattr(importlib.import_module("akshare"), interface)


def forget(module: str) -> None:
    """Empty what a module of akshare keeps from earlier calls: a list of yesterday is no list."""
    for kept in vars(importlib.import_module(f"akshare.{module}")).values():
        if isinstance(kept, lru_cache(lambda: None).__class__):
            kept.cache_clear()
