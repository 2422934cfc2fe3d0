"""The commands, by subject. Each parses, calls one function of a room below, and prints.

Rooms are imported inside the commands, so that `tide --help` does not pay for them.
"""
