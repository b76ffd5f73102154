"""Units in time, areas, places and outlines: where something is, and which unit answers for it."""
