"""What `dothi check --log` proves of a hub: every commit against the signed tree, every entity against the log."""
