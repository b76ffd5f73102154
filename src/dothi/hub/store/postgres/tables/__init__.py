"""The tables of the store in PostgreSQL: what makes them, and the rooms that have rows of their own."""
