"""Subscribers, and notifications that nobody loses: matched, kept until delivered, in order."""
