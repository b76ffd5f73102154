"""Looking after what a city keeps: backups, restores, drills, steps to newer stores, bundles that bring a new dothi."""
