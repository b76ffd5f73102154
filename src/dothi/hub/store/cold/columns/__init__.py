"""Commits as columns of numbers and words, and as stored rows again, byte for byte."""
