"""Pilots under a waived rule, their lessons, and the gate: nothing is scaled up without a closed pilot review."""
