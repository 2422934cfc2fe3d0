"""The score report: one factor on one page that opens anywhere, offline."""

from pathlib import Path


def style() -> str:
    """The style sheet that all reports share."""
    return Path(__file__).with_name("style.css").read_text("utf-8")
