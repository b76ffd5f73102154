"""The shift book: who is on duty when, and a handover that both officers sign."""
