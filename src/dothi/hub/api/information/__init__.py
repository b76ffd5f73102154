"""Entities, their attributes and their types: provision and consumption (clauses 6.4 to 6.17, 6.23, 6.25 to 6.28)."""
