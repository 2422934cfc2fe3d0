"""One module a format in which the pool is written for use elsewhere."""
