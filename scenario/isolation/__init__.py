"""Where factors are evaluated: hardened containers, or separate processes."""

from scenario.isolation.base import Failure, Isolation, Limits
from scenario.isolation.selection import choose

__all__ = ["Failure", "Isolation", "Limits", "choose"]
