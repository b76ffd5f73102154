"""Asking a source: how it is spoken to, what comes back, and what its answer means here."""
