"""Stores: SQLite today; state, change log, cursors, timers and the columns that queries ask for."""
