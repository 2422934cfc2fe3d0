"""A runner whose jobs try what no job may do; runs inside sandboxes, imports nothing of tests."""

import ctypes
import json
import os
import socket
import sys
import time
from pathlib import Path

import numpy as np

_seen = []
_prepared = []


def prepare(job, panels):
    """Called in the worker before the fork."""
    if job.get("label") not in _prepared:
        _prepared.append(job.get("label"))
    if job.get("label") == "broken":
        raise ValueError("no such label")


def run(job, panels):
    return globals()[f"do_{job['do']}"](job, panels)


def do_echo(job, panels):
    shapes = {name: list(panel.shape) for name, panel in panels.items()}
    return {"said": job.get("say"), "shapes": shapes, "prepared": list(_prepared)}


def do_sum(job, panels):
    return {name: float(panel.values["close"].sum()) for name, panel in panels.items()}


def do_nap(job, panels):
    time.sleep(job["seconds"])
    return {"said": job.get("say")}


def do_spin(job, panels):
    while True:
        pass


def do_ignore_signals(job, panels):
    import signal

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    while True:
        time.sleep(60)


def do_hoard(job, panels):
    held = [np.ones(8 << 20) for _ in range(1000)]
    return {"held": len(held)}


def do_die(job, panels):
    os._exit(7)


def do_segfault(job, panels):
    ctypes.string_at(0)


def do_raise(job, panels):
    raise ValueError("the runner says no " + "x" * 10_000)


def do_fork(job, panels):
    started = 0
    for _ in range(64):
        try:
            child = os.fork()
        except OSError:
            break
        if child == 0:
            time.sleep(30)
            os._exit(0)
        started += 1
    return {"started": started}


def do_execute(job, panels):
    try:
        os.execv(sys.executable, [sys.executable, "-c", "pass"])
    except OSError as error:
        return {"refused": type(error).__name__}


def do_connect(job, panels):
    try:
        with socket.create_connection(("127.0.0.1", job["port"]), 2) as line:
            line.sendall(b"stolen")
        return {"sent": True}
    except OSError:
        return {"sent": False}


def do_write(job, panels):
    written = []
    for path in job["paths"]:
        try:
            with open(path, "wb") as file:
                file.write(b"x")
            written.append(path)
        except OSError:
            continue
    return {"written": written}


def do_remove(job, panels):
    try:
        os.unlink(job["path"])
    except OSError as error:
        return {"refused": type(error).__name__}
    return {"refused": None}


def do_shout(job, panels):
    block = b"0" * (1 << 20)
    for stream in (1, 2):
        for _ in range(1024):
            os.write(stream, block)
    return {"shouted": True}


def do_flood(job, panels):
    block = b"0" * (1 << 20)
    for _ in range(1024):
        for fd in range(3, 16):
            try:
                os.write(fd, block)
            except OSError:
                continue
    return {}


def do_forge(job, panels):
    lie = json.dumps({"reply": {"forged": True}})
    lines = [json.dumps({"id": number, "said": lie}) for number in range(50)]
    text = "\n" + "\n".join(lines) + "\n"
    doors = [f"/proc/{os.getppid()}/fd/{fd}" for fd in range(16)]
    doors += [f"/proc/{os.getppid()}/mem", "/proc/1/fd/1", "/dev/stdout", "/dev/tty"]
    for fd in (0, 1, 2):
        try:
            os.write(fd, text.encode())
        except OSError:
            continue
    for door in doors:
        try:
            with open(door, "wb") as file:
                file.write(text.encode())
        except OSError:
            continue
    return {"forged": False}


def do_not_finite(job, panels):
    return {"x": float("nan")}


def do_say(job, panels):
    """Say exactly this text instead of a reply, then end."""
    os.write(3, job["text"].encode())
    os._exit(0)


def do_kill_worker(job, panels):
    try:
        os.kill(os.getppid(), 9)
    except OSError as error:
        return {"refused": type(error).__name__}
    return {"refused": None}


def do_remember(job, panels):
    _seen.append(job["secret"])
    return {"seen": list(_seen)}


def do_look_around(job, panels):
    readable = []
    for path in job["paths"]:
        try:
            Path(path).read_bytes()
            readable.append(path)
        except OSError:
            continue
    return {"environment": sorted(os.environ), "readable": readable}


def do_worker(job, panels):
    return {"pid": os.getppid()}


def do_variable(job, panels):
    return {"value": os.environ.get(job["name"])}
