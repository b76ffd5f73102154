"""Representations: normalized, concise, keyValues, GeoJSON and temporal."""
