"""The alarm rules in force for a unit: who decided each, and how often it called somebody lately."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import DAY, now_us
from dothi.office.rules import RuleSet, applied
from dothi.operations.model import Priority
from dothi.operations.rules.in_force import KIND, Book, book_at
from dothi.operations.rules.model import Rule
from dothi.operations.rules.trial import lately
from dothi.web.page import Menu, Page, render, visit, words
from dothi.web.pages.operations.rules.sentences import condition
from dothi.web.pages.operations.situation import PRIORITIES
from dothi.web.pages.shown import STAFF, unit_name
from dothi.web.pages.system.rule_sets import own_unit, units_of
from dothi.web.parts import parts

KEEPERS = frozenset({"data_steward", "administrator"})
TRIERS = KEEPERS | {"duty_officer", "leader"}
WEEK = 7 * DAY


@dataclass(frozen=True)
class Row:
    """One rule as the list shows it."""

    rule: Rule
    href: str
    name: str
    condition: str
    kind: str  # Of the tag of its priority, with its icon.
    icon: str
    decided: str  # Where the decision was made, "" as shipped.
    reason: str
    since: str
    own: bool  # Decided by this very unit.
    calls: int
    acted: int


async def rules(request: Request) -> Response:
    """Which alarm rules hold here, who decided them, and how often did they call?"""
    unit = chosen_unit(request)
    rows = _rows(request, unit)
    return render(
        request,
        "operations/rules/list.html",
        unit=unit,
        unit_word=dict(units_of(request)).get(unit, unit),
        units=units_of(request),
        rows=rows,
        on=sum(one.rule.enabled for one in rows),
        off=sum(not one.rule.enabled for one in rows),
        calls=sum(one.calls for one in rows),
        acted=sum(one.acted for one in rows),
        kind=KIND,
        may_keep=bool(visit(request).actor.roles & KEEPERS),
    )


def chosen_unit(request: Request) -> str:
    """The unit that is asked for, else the reader's own; "" is the whole city."""
    unit = str(request.query_params.get("unit", own_unit(request)))
    return unit if not unit or parts(request).territory.knows(unit) else ""


def _rows(request: Request, unit: str) -> list[Row]:
    here, now = parts(request).operations, now_us()
    book = book_at(here, unit or None)
    weekly = lately(here, visit(request).actor, unit, now - WEEK, now)
    made = [_row(request, rule, book, unit, weekly.get(rule.id, (0, 0))) for rule in book.rules.values()]
    return sorted(made, key=lambda one: (not one.rule.enabled, -one.calls, list(Priority).index(one.rule.priority)))


def _row(request: Request, rule: Rule, book: Book, unit: str, lately: tuple[int, int]) -> Row:
    kind, icon = PRIORITIES[rule.priority]
    said = said_by(request, rule.id, book, unit)
    return Row(
        rule=rule,
        href=f"/rules/{rule.id}?unit={unit}",
        name=words(request).pick(rule.name),
        condition=(said_of := condition(request, rule))[:1].upper() + said_of[1:],
        kind=kind,
        icon=icon,
        decided=decided_by(request, said),
        reason=said.reason if said else "",
        since=said.valid_from if said else "",
        own=bool(said and said.unit == unit),
        calls=lately[0],
        acted=lately[1],
    )


def said_by(request: Request, rule: str, book: Book, unit: str) -> RuleSet | None:
    """The adopted set that said a rule so last; None as shipped."""
    wanted = book.said_by.get(rule)
    return next((one for one in applied(parts(request).rules, KIND, unit or None) if one.id == wanted), None)


def decided_by(request: Request, said: RuleSet | None) -> str:
    """Who decided, by name: the whole city, a province, a commune; nothing as shipped."""
    if said is None:
        return ""
    return unit_name(request, said.unit) if said.unit else words(request).t("rules.city")


PAGES = (Page("/rules", rules, "operations.rules.title", roles=STAFF, menu=Menu("system", 60)),)
