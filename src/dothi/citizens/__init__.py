"""Citizens: reports from filing to rating, and what people think of the service.

`open_citizens` makes the module over a hub; `file_report` is the citizen's verb, the official's are in `service`.
Nobody's name or phone stands in a report: who wants to be told is sealed in the vault of accounts.
"""

from dothi.citizens.filing import Citizens, Filed, Filing, file_report, find_by_code, find_by_number, open_citizens
from dothi.citizens.following import run
from dothi.citizens.imported import write_imported
from dothi.citizens.model import Outcome, Report, State
from dothi.citizens.photos import Upload
from dothi.citizens.service import answer, attach, pass_on, rate, receive, reopen, route, start

__all__ = [
    "Citizens",
    "Filed",
    "Filing",
    "Outcome",
    "Report",
    "State",
    "Upload",
    "answer",
    "attach",
    "file_report",
    "find_by_code",
    "find_by_number",
    "open_citizens",
    "pass_on",
    "rate",
    "receive",
    "reopen",
    "route",
    "run",
    "start",
    "write_imported",
]
