"""The audit page: who did what, when and why, from the hub's log and the register of accounts."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.audit import Asked, Line, read_audit, read_register
from dothi.accounts.people import display_name, users
from dothi.accounts.signin import keys
from dothi.ground.clock import DAY
from dothi.web.page import Menu, Page, render, visit, words
from dothi.web.parts import parts
from dothi.web.words import read_day

READERS = frozenset({"administrator", "assessor"})
SHOWN = 50
ATTRIBUTES_SHOWN = 6


async def audit(request: Request) -> Response:
    """Who changed what in the city's records."""
    asked, given, problems = _asked(request)
    found = read_audit(parts(request).hub, visit(request).actor, asked)
    rows = [(line, _who(request, line.actor), _what(request, line)) for line in found.lines]
    older = f"/audit?{_query(request, before=str(found.before))}" if found.before else ""
    newer = f"/audit?{_query(request, before='')}" if asked.before else ""
    return render(
        request, "accounts/audit.html", rows=rows, older=older, newer=newer, **_common(request, given, problems)
    )


async def register(request: Request) -> Response:
    """Who signed in, who was given which role, who opened an identity."""
    asked, given, problems = _asked(request)
    found = read_register(parts(request).accounts, visit(request).actor, asked)
    rows = [(event, _who(request, event.actor), _who(request, event.subject)) for event in found]
    older = f"/audit/register?{_query(request, before=str(found[-1].seq))}" if len(found) >= SHOWN else ""
    newer = f"/audit/register?{_query(request, before='')}" if asked.before else ""
    return render(
        request, "accounts/register.html", rows=rows, older=older, newer=newer, **_common(request, given, problems)
    )


def _asked(request: Request) -> tuple[Asked, dict[str, str], dict[str, str]]:
    """What the filter asks for, its fields as they were given, and what to mend in them."""
    given = {field: request.query_params.get(field, "").strip() for field in ("actor", "entity", "start", "end")}
    days = {field: read_day(given[field]) for field in ("start", "end") if given[field]}
    problems = {field: words(request).t("accounts.audit.bad_date") for field, day in days.items() if day is None}
    start, end = days.get("start") or 0, days.get("end") or 0
    before = request.query_params.get("before", "")
    position = int(before) if before.isascii() and before.isdecimal() else 0
    asked = Asked(given["actor"], given["entity"], start, end + DAY if end else 0, position, limit=SHOWN)
    return asked, given, problems


def _query(request: Request, **changed: str) -> str:
    return str(request.url.include_query_params(**changed).query)


def _common(request: Request, given: dict[str, str], problems: dict[str, str]) -> dict[str, object]:
    accounts = parts(request).accounts
    people = [(user.actor_id, user.display_name) for user in users(accounts)]
    systems = [(f"key:{key.id}", key.name) for key in keys(accounts)]
    everybody = [("", words(request).t("accounts.audit.everybody"))]
    return {"given": given, "problems": problems, "actors": everybody + people + systems}


def _who(request: Request, actor: str) -> str:
    """The name of who acted: a person's, a key's, or that of a part of dothi."""
    kind, _, bare = actor.partition(":")
    key = f"accounts.system.{bare.partition(':')[0]}" if kind == "system" else f"accounts.audit.{actor}"
    if (kind == "system" and ":user:" not in bare and ":key:" not in bare) or actor == "anonymous":
        return words(request).t(key) if words(request).has(key) else actor
    return display_name(parts(request).accounts, actor)


def _what(request: Request, line: Line) -> tuple[str, str, str]:
    """The type's name, what became of the thing, and the attributes written."""
    t, has = words(request).t, words(request).has
    kind = line.types[0] if line.types else ""
    name = t(f"type.{kind}") if has(f"type.{kind}") else kind
    attributes = [*line.written, *line.dropped]
    more = f" +{len(attributes) - ATTRIBUTES_SHOWN}" if len(attributes) > ATTRIBUTES_SHOWN else ""
    return name, t(f"accounts.status.{line.status}"), ", ".join(attributes[:ATTRIBUTES_SHOWN]) + more


PAGES = (
    Page("/audit", audit, "accounts.audit.title", roles=READERS, menu=Menu("system", 30)),
    Page("/audit/register", register, "accounts.register.title", roles=READERS),
)
