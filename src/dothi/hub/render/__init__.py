"""Entities between their JSON outside and the hub's own values: read (validated, house names) and rendered.

Pure functions: no store, no HTTP. Reading accepts normalized and concise input (GS CIM 009 clause 4.5); rendering gives
normalized, concise, simplified, GeoJSON and the temporal forms.
"""
