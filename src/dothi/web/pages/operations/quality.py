"""How good the alarms are, and whether the centre is used: figures with their aim, offenders with their rule."""

from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.roles import ROLES
from dothi.ground.clock import DAY, from_iso, now_us
from dothi.hub.model import Entity
from dothi.operations.alarms import reading, record
from dothi.operations.alarms.floods import SLOT
from dothi.operations.alarms.handling import Handling, rules_at
from dothi.operations.alarms.quality import Offender, Quality, by_span
from dothi.operations.alarms.record import Standing
from dothi.operations.model import Priority
from dothi.web.page import Page, render, site, visit, words
from dothi.web.pages.operations.situation import PRIORITIES
from dothi.web.pages.shown import STAFF, bare, unit_name
from dothi.web.parts import parts

SPANS = (1, 7, 30, 90)  # Days.
USUAL = 7
# Shares by priority that EEMUA 191 and ISA-18.2 give as a guide: few urgent ones, most of them low.
GUIDE = {Priority.URGENT: 0.01, Priority.HIGH: 0.05, Priority.MEDIUM: 0.15, Priority.LOW: 0.8}
SHOWN = 10
IN_FLOOD_AIM = 0.01  # EEMUA 191: less than one percent of the time.


async def quality(request: Request) -> Response:
    """Are the alarms worth listening to, and does something follow from them?"""
    here, actor = parts(request).operations, visit(request).actor
    days = next((one for one in SPANS if str(one) == request.query_params.get("days", "")), USUAL)
    unit = request.query_params.get("unit", "")[:10]
    unit = unit if here.territory.knows(unit) else ""
    now = now_us()
    end = now // SLOT * SLOT + SLOT
    hours = record.hours(here, actor, end - days * DAY, end)
    found = record.quality(here, hours, end - days * DAY, end, unit)
    rules = rules_at(here, unit or here.home or None, now)
    standing = record.standing_now(here, actor, rules.aims, now)
    return render(
        request,
        "operations/alarms/quality.html",
        answer=_answer(request, found, rules, days),
        ways=[_way(request, one, days, unit) for one in SPANS],
        unit=unit_name(request, unit),
        found=found,
        tiles=_tiles(request, found, rules, standing),
        rates=by_span(found),
        flood=rules.flood.alarms,
        priorities=_priorities(request, found),
        by_hour=_by_hour(request, found),
        offenders=[_offender(request, one) for one in found.offenders],
        standing=[_line(request, one) for one in standing.standing[:SHOWN]],
        stale=[_line(request, one) for one in standing.stale[:SHOWN]],
        counts=(len(standing.standing), len(standing.stale)),
        led=_led(request, found),
        screens=_screens(request, record.opened_of(hours)),
        sample=rules.sample,
    )


def _answer(request: Request, found: Quality, rules: Handling, days: int) -> str:
    said = words(request)
    if not found.calls:
        return said.t("quality.answer_none", n=days)
    key = "quality.answer_good" if found.mean <= rules.aims.per_ten_minutes and not found.floods else "quality.answer"
    aim = said.number(rules.aims.per_ten_minutes)
    mean = said.number(found.mean, 2)
    return said.t(key, n=days, calls=found.calls, mean=mean, aim=aim, floods=found.floods)


def span(request: Request, time: int | None) -> str:
    """A time to wait, short: minutes, or hours from two hours on."""
    said = words(request)
    if time is None:
        return "–"
    minutes = time / 60e6
    if minutes >= 120:
        return said.t("quality.hours", n=said.number(minutes / 60, 1))
    return said.t("quality.minutes", n=said.number(minutes, 0 if minutes >= 10 else 1))


def _way(request: Request, days: int, chosen: int, unit: str) -> tuple[str, str, bool, None]:
    """(word, address, chosen, no count) of one span of time."""
    more = f"&unit={unit}" if unit else ""
    return words(request).t("quality.days", n=days), f"/quality?days={days}{more}", days == chosen, None


def _tiles(request: Request, found: Quality, rules: Handling, standing: Standing) -> list[dict[str, object]]:
    """The figures with their aim; `good` None where there is no aim."""
    said, aims, flood, held = words(request), rules.aims, rules.flood.alarms, standing.held
    number, acted = said.number, found.acted
    aim, p90 = number(aims.per_ten_minutes), span(request, found.taken.p90)
    rows: list[tuple[str, str, dict[str, object], bool | None]] = [
        ("mean", number(found.mean, 2), {"aim": aim}, found.mean <= aims.per_ten_minutes),
        ("peak", number(found.peak, 0), {"aim": number(flood)}, found.peak <= flood),
        ("in_flood", said.percent(found.in_flood, 1), {"n": found.floods}, found.in_flood <= IN_FLOOD_AIM),
        ("taken", span(request, found.taken.median), {"p90": p90}, None),
        ("acted", said.percent(acted) if acted is not None else "–", {"n": found.led["any"], "of": found.alarms}, None),
        ("chattering", number(found.chattering), {}, found.chattering == 0),
        ("standing", number(len(standing.standing)), {"stale": len(standing.stale)}, not standing.standing),
        ("held", number(held["shelved"]), {"n": held["suppressed"], "out": held["out"]}, None),
    ]
    return [
        {
            "name": said.t(f"quality.tile.{key}"),
            "value": value,
            "note": said.t(f"quality.note.{key}", **fill),
            "good": ok,
        }
        for key, value, fill, ok in rows
    ]


def _priorities(request: Request, found: Quality) -> list[dict[str, object]]:
    rows = []
    for priority, count in found.priorities.items():
        name, (kind, icon) = words(request).t(f"operations.priority.{priority}"), PRIORITIES[priority]
        share = count / found.calls if found.calls else 0.0
        row: dict[str, object] = {"name": name, "kind": kind, "icon": icon, "count": count}
        rows.append(row | {"share": share, "guide": GUIDE[priority]})
    return rows


def _by_hour(request: Request, found: Quality) -> list[dict[str, object]]:
    """The median time until a hand took an alarm, by the hour of the day; heights from 0 to 100."""
    most = max((one for one in found.taken.by_hour if one is not None), default=0)
    return [
        {"hour": hour, "text": span(request, one), "height": max(2, round(100 * one / most)) if one and most else 0}
        for hour, one in enumerate(found.taken.by_hour)
    ]


def _offender(request: Request, one: Offender) -> dict[str, object]:
    found = reading.find_alarm(parts(request).operations, one.alarm, visit(request).actor)
    name = words(request).pick(found.value("name")) if found else bare(one.rule)
    place = words(request).pick(found.value("subjectName", "")) if found else words(request).t("quality.unseen")
    return {
        "name": name,
        "place": place,
        "href": f"/alarm/{bare(one.alarm)}" if found else "",
        "rule": f"/rules/{bare(one.rule)}",
        "calls": one.calls,
        "share": one.share,
        "chattered": one.chattered,
    }


def _line(request: Request, alarm: Entity) -> dict[str, object]:
    return {
        "name": words(request).pick(alarm.value("name")),
        "place": words(request).pick(alarm.value("subjectName", "")),
        "href": f"/alarm/{bare(alarm.id)}",
        "rule": f"/rules/{bare(alarm.value('rule', ''))}",
        "since": from_iso(alarm.value("since")),
    }


def _led(request: Request, found: Quality) -> list[tuple[str, int, float]]:
    """(what, how many alarms, share of those that called)."""
    t = words(request).t
    return [
        (t(f"quality.led.{act}"), count, count / found.alarms if found.alarms else 0.0)
        for act, count in found.led.items()
        if act != "any"
    ]


def _screens(request: Request, opened: dict[str, dict[str, int]]) -> list[dict[str, object]]:
    """How often each screen was opened, the most opened first, with its roles."""
    titles = {page.path: page.title for page in site(request).pages if "GET" in page.methods and page.path in opened}
    rows: list[tuple[int, str, str]] = []
    for screen, roles in opened.items():
        told = sorted(roles.items(), key=lambda pair: -pair[1])
        names = ", ".join(f"{_role(request, role)} {words(request).number(count)}" for role, count in told)
        rows.append((sum(roles.values()), _title(request, titles.get(screen, ""), screen), names))
    return [{"screen": screen, "count": count, "roles": names} for count, screen, names in sorted(rows, reverse=True)]


def _title(request: Request, key: str, screen: str) -> str:
    """What a screen is called; its path where its name holds something of the one thing that it shows."""
    try:
        return words(request).t(key) if key else screen
    except KeyError:
        return screen


def _role(request: Request, role: str) -> str:
    return words(request).t(ROLES[role].label) if role in ROLES else role


PAGES = (Page("/quality", quality, "quality.title", roles=STAFF),)
