"""The life of a report after filing: one table of moves, its verbs, its clocks."""
