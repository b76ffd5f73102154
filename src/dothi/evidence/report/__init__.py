"""Reports that write themselves: owed by a calendar, drafted from live figures, accepted, signed, and frozen then.

Templates and the calendar are data (`evidence/data/reports`). A figure is never text: words hold it as {id}, and it is
a link to its evidence wherever it is shown.
"""

from dothi.evidence.report.service import WRITERS, begin, latest, prepare, run
from dothi.evidence.report.signing import sign, write_month

__all__ = ["WRITERS", "begin", "latest", "prepare", "run", "sign", "write_month"]
