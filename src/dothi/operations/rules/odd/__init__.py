"""Odd values: what a series has never shown at this hour is suggested to the duty officer, never raised as an alarm."""
