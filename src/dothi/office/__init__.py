"""The desk that all modules share: rule sets in force by unit and day, and messages to people."""
