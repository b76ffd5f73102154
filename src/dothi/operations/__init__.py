"""Rules over the change feed, alarms, and the situation that a duty officer sees.

Terms and the life cycle follow ISA-18.2: an alarm is active or cleared, and acknowledged or not; one condition on one
subject has one alarm. A local alarm carries an operational priority, never a legal hazard level.
"""
