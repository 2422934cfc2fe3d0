"""The score report: one factor on one page that opens anywhere, offline."""
