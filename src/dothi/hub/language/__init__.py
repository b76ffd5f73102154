"""The query languages of NGSI-LD: type selection, q, geo, scope and time, each one parser and one syntax tree."""
