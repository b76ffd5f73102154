"""The Common Alerting Protocol 1.2 (OASIS, 2010): messages out and in, and the rules that its schema misses."""
