"""Playbooks as data: their tables, the steps that an incident copies from them, what other tables would have done."""
