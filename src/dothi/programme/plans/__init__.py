"""Schemes and plans from draft to summing-up, their targets, and projects with their finance."""
