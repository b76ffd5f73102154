"""Commits handed to the one process that writes: over a socket in the data folder that only its owner may open."""
