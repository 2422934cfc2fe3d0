"""The test run starts no request to any address but 127.0.0.1."""

import socket
import subprocess
import sys

import pytest

CONNECT = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"


def test_connection_that_leaves_the_machine_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"192\.0\.2\.1"):
        socket.create_connection(("192.0.2.1", 80), timeout=1)


def test_look_up_of_a_public_name_is_refused() -> None:
    with pytest.raises(AssertionError, match="look-up"):
        socket.getaddrinfo("example.com", 80)


def test_child_process_is_guarded_too() -> None:
    done = subprocess.run([sys.executable, "-c", CONNECT], capture_output=True, text=True)
    assert done.returncode != 0
    assert "tests stay on 127.0.0.1" in done.stderr


def test_loopback_is_allowed() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        socket.create_connection(server.getsockname(), timeout=5).close()
