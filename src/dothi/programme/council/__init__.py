"""The coordination council and the working group: sessions, opinions within a limit, conclusions chased to a result.

Beside them what they hold with others: calls, contests and questions of partners, answered in public; and requests to
explain a target that is missed.
"""
