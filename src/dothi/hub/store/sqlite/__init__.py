"""The embedded store: one SQLite file, one process that writes it, any that read it."""
