"""The JSON endpoints of operations: each parses, calls one verb, renders."""
