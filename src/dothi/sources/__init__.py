"""Connectors that bring data in under one contract, their promised rhythm, and the quarantine."""
