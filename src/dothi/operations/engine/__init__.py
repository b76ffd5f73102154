"""What turns values into alarms: rules compiled to a program over the change feed, its memory rebuilt from the log."""
