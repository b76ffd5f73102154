"""Subscriptions carried on to the sources that hold what they ask for (clauses 5.8.1.4, 5.8.5.4 and 5.8.6)."""
