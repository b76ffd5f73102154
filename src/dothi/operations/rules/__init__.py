"""Alarm rules as data: conditions as a tree, read from tables that a province or commune adopts, tried on 90 days."""
