"""Indicators declared as data, computed with lineage, and the report that writes itself."""
