"""Sealed history: the old part of the log as sorted, day-partitioned Parquet under an open table format."""
