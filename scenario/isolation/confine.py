"""Giving up rights: what a worker and its jobs do to themselves before they touch a job."""

import contextlib
import ctypes
import os
import resource
import signal
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def cut_network() -> bool:
    """Leave the host's network for an empty one; False where the kernel does not allow it.

    Must be called before any thread exists.
    """
    libc = _libc()
    if libc is None:
        return False
    # Root needs no user namespace, and keeps its right to read the panels without one.
    return any(
        libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWNET | _CLONE_NEWUSER)
    )


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that started it ends (Linux)."""
    libc = _libc()
    if libc is not None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def hide() -> None:
    """Bar other processes of the same user from this one's memory and open files (Linux)."""
    libc = _libc()
    if libc is not None:
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def limit(seconds: float, memory: int) -> None:
    """Bound CPU time and allocations; no file may grow, no core is dumped."""
    cpu = int(seconds) + 2
    _limit(resource.RLIMIT_CPU, cpu)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, 64)
    if sys.platform == "linux":
        _limit(resource.RLIMIT_AS, _mapped() + memory)


def _mapped() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    with contextlib.suppress(ValueError, OSError):  # a limit that this system does not know
        resource.setrlimit(kind, (value, value))
