"""Citizens: reports from filing to rating, and what people think of the service.

`open_citizens` makes the module over a hub; `file_report` is the citizen's verb, the official's are in `service`.
Nobody's name or phone stands in a report: who wants to be told is sealed in the vault of accounts.
"""

from dothi.citizens.following import run
from dothi.citizens.handling.service import answer, attach, pass_on, rate, receive, reopen, route, start
from dothi.citizens.intake.codes import find_by_code, find_by_number
from dothi.citizens.intake.filing import Filed, Filing, file_report
from dothi.citizens.intake.imported import write_imported
from dothi.citizens.model import Outcome, Report, State
from dothi.citizens.needs import Citizens, open_citizens
from dothi.office.photos import Upload

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
