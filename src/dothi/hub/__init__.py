"""One hub of entities with history, speaking NGSI-LD: every durable record of every module lives here."""
