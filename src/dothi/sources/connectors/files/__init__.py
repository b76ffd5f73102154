"""Files: CSV, JSON, GeoJSON and NGSI-LD, one by one or as they appear in a folder."""
