"""Loaded by every Python process that a test starts: the same guard as in the test itself."""

import network_guard

network_guard.install()
