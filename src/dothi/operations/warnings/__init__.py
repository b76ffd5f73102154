"""Warnings to the public, written by one person and released by another, and the bulletins that come in."""
