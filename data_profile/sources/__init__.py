"""Where data comes from: one module a source."""
