"""@context: term tables, expansion at the door and compaction on the way out."""
