"""The verbs of the command: `table` says their words, each other file does what a few of them mean.

A file here may rest on all of dothi, so it is loaded when its verb was called; `table` rests on nothing.
"""
