"""The periods of reports: their names in words, the one before and the one after, and the span of a scheme."""

from dothi.evidence.model import Period, PeriodKind, parse_period, period_of
from dothi.evidence.report.model import ReportKind
from dothi.ground.clock import VIETNAM, to_datetime
from dothi.ground.errors import Invalid
from dothi.ground.text import format_date

_QUARTERS = ("I", "II", "III", "IV")


def period_for(kind: ReportKind, name: str) -> Period:
    """The period of that name. Invalid for a scheme, whose span is its own."""
    if kind is ReportKind.SCHEME:
        raise Invalid("The summing-up of a scheme is asked for by the scheme, not by a period.", field="period")
    return parse_period(PeriodKind(kind.value), name)


def before(period: Period) -> Period:
    """The period of the same kind that ends where this one starts."""
    return period_of(period.kind, period.start - 1)


def after(period: Period) -> Period:
    """The period of the same kind that starts where this one ends."""
    return period_of(period.kind, period.end)


def told_period(kind: str, name: str, start: int, end: int) -> str:
    """A period as documents name it: tháng 10/2026, quý IV năm 2026, tuần 47 năm 2026 (từ … đến …)."""
    if kind == ReportKind.SCHEME:
        return (
            f"giai đoạn {to_datetime(start).astimezone(VIETNAM).year} - {to_datetime(end - 1).astimezone(VIETNAM).year}"
        )
    year = name[:4]
    return {
        "week": f"tuần {name[6:]} năm {year} (từ {format_date(start)} đến {format_date(end - 1)})",
        "month": f"tháng {name[5:]}/{year}",
        "quarter": f"quý {_QUARTERS[int(name[6:7] or 1) - 1] if kind == 'quarter' else ''} năm {year}",
        "year": f"năm {year}",
    }[kind]


_PREVIOUS = {"week": "tuần trước", "month": "tháng trước", "quarter": "quý trước", "year": "năm trước"}


def told_previous(kind: str) -> str:
    """How the period before is called in a sentence."""
    return _PREVIOUS.get(kind, "kỳ trước")
