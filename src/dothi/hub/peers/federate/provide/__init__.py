"""Writing where others hold a part: what goes to whom, and what became of it (clauses 4.3.6 and 5.6)."""
