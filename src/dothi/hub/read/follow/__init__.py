"""Following the log: the feed of commits, what commits of other processes did, and how far this process has come."""
