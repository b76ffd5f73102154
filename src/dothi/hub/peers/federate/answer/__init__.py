"""Answering with what others know: gathered, joined with what is known here, kept for when a source is cut off."""
