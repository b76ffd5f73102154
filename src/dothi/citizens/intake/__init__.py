"""The ways in: what a citizen sends by page, counter, phone, mail or another system becomes one report, once."""
