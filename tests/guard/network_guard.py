"""An audit hook that refuses connections and look-ups that leave this machine."""

import ipaddress
import sys


class LeftTheMachine(AssertionError):
    """A test tried to reach an address other than 127.0.0.1."""


def _local(host: object) -> bool:
    if not isinstance(host, str | bytes):
        return host is None
    text = host.decode() if isinstance(host, bytes) else host
    if text in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(text.split("%")[0]).is_loopback
    except ValueError:
        return False


def _watch(event: str, args: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto"):
        address = args[1]
        # A Unix socket's address is text or bytes; an Internet one is a tuple.
        if isinstance(address, tuple) and not _local(address[0]):
            raise LeftTheMachine(f"{event} to {address}: tests stay on 127.0.0.1")
    elif event == "socket.getaddrinfo" and not _local(args[0]):
        raise LeftTheMachine(f"look-up of {args[0]!r}: tests stay on 127.0.0.1")


def install() -> None:
    """Install the hook; it lasts as long as the process."""
    sys.addaudithook(_watch)
