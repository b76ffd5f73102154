"""Reading: columns in memory, answering queries, and walking back through history."""
