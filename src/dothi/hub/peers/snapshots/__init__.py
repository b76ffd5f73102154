"""Snapshots: answers frozen in a tenant of their own, to be asked again and again (clauses 4.3.7, 5.5.15 and 5.16)."""
