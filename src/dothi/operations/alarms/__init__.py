"""Alarms by ISA-18.2: one table of moves, its verbs, what holds a flood of them back, and how good they are."""
