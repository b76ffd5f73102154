"""The programme over HTTP: each file parses, calls one verb, renders."""
