"""Stores: SQLite or PostgreSQL; state, change log, cursors, timers and the columns that queries ask for."""
