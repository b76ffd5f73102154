"""A new dothi brought to where there is no network: one signed file with all it needs, and the way back kept open."""
