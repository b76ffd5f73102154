"""The NGSI-LD API, one file per chapter of the standard, the clause named over each handler."""
