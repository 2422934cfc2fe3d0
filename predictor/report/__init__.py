"""The daily page: tomorrow's sectors, what became of the last forecast, and the market's mood."""

from predictor.report.making import Report, daily_report, write
from predictor.report.page import summary

__all__ = ["Report", "daily_report", "summary", "write"]
