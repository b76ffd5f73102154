"""People, organisations, roles, permissions, the vault of identities, and the audit page's reading of the log."""
