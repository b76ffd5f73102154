"""dothi runs a smart city on one open hub of entities with history, speaking NGSI-LD."""

__version__ = "0.1.0"
