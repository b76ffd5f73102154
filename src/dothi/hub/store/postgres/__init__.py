"""The store in PostgreSQL: for a province, with its own replicas and failover, and as many processes as it needs."""
