"""Tasks: issued clear in all five, moved by one table, ended with evidence."""
