"""The past of entities: their chain of commits, their evolution by attribute, how they were known, who did what."""
