"""The morning report: what a night tried, found and cost, and what to do next."""
