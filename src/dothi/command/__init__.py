"""What the command does: it serves a city, tries one out, measures, and looks after what is kept."""
