"""Context sources: registered, found, and subscribed to (clauses 6.8, 6.9, 6.12 and 6.13)."""
