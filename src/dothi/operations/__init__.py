"""A centre that directs: alarms, incidents with orders, shifts, and warnings to the public.

Terms and the life cycle of alarms follow ISA-18.2; warnings are CAP 1.2. A local alarm carries an operational
priority, never a legal hazard level: that comes only from a bulletin of the competent authority.
"""
