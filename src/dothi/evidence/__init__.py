"""Indicators with lineage: figures computed from the hub's data, published once, and walked down to their sources.

Indicators are data. A figure names its inputs, sources, formula and age; when inputs are late or too few it is grey
and has no value, which is neither nought nor good. A published figure never changes: later ones stand beside it.
"""
