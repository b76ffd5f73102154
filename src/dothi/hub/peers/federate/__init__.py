"""Context sources that share the answering: who is registered for what, asked, and joined into one answer."""
