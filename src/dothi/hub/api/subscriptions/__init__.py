"""Subscriptions to entities (clauses 6.10 and 6.11)."""
