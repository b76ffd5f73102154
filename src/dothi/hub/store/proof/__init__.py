"""The chain of custody: the log as a Merkle tree (RFC 6962) with signed checkpoints, and what finds a changed value."""
