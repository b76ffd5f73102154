"""Registrations kept: their documents read and written, conflicts found, counters, those told who subscribed."""
