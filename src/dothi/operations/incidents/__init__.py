"""Incidents from opening to review: what belongs together, playbooks, orders with receipt and result, the log."""
