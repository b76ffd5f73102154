"""Rules over the change feed, alarms, and the situation that a duty officer sees."""
