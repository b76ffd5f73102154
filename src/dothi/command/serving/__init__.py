"""Serving a city: by one process, or by several that share an address (decisions 0188 to 0191)."""
