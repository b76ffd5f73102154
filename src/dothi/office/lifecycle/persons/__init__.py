"""One person's data: where it went (lineage.py), how it goes (erasing.py), and that nothing is left (proving.py)."""
