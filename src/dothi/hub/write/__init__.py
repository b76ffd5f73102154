"""The write path: what a change does to an entity, and the one thread that makes changes durable."""
