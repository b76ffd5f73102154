"""Consultations on a draft by article: opened, commented, grouped, answered, and published with every answer."""
