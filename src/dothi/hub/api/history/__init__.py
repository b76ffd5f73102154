"""Histories of entities (clauses 6.18 to 6.24)."""
