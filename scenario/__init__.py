"""How factors are found: the RD-Agent scenario, its proposers and isolated workers."""
