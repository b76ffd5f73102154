"""One alarm rule: what it says, what it did, a chart of the last week, and changing it for a unit from a day on."""

from collections import defaultdict
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

from dothi.ground.clock import VIETNAM, now_us, to_datetime
from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.office.rules import in_force
from dothi.operations.model import Priority
from dothi.operations.rules.changing import Asked, Tables, row_with, wanted
from dothi.operations.rules.in_force import KIND, book_at
from dothi.operations.rules.model import Bound, Each, Rule, Threshold, leaves
from dothi.operations.rules.parse import parse_rule
from dothi.operations.rules.trial import lately
from dothi.web.page import Page, render, visit, words
from dothi.web.pages.operations.rules.charting import week_of
from dothi.web.pages.operations.rules.form import KINDS as PART_KINDS
from dothi.web.pages.operations.rules.form import Said, days_of, fits, parts_in, rule_said, said_in, shape, values
from dothi.web.pages.operations.rules.listing import KEEPERS, TRIERS, WEEK, chosen_unit, decided_by, said_by
from dothi.web.pages.operations.rules.sentences import condition, more, parts_of
from dothi.web.pages.operations.rules.trying import FAILED, Job, begin
from dothi.web.pages.operations.situation import PRIORITIES
from dothi.web.pages.shown import KINDS, STAFF, attribute_name, unit_of
from dothi.web.pages.system.rule_sets import tomorrow, units_of
from dothi.web.parts import parts

NEW = "new"
WEEK_DAYS = tuple(range(7))


async def one_rule(request: Request) -> Response:
    """What does this rule watch, what did it do, and how is it changed here?"""
    unit, rule = chosen_unit(request), _rule(request, chosen_unit(request))
    given = dict(request.query_params)
    filled = values(rule) | {name: text for name, text in given.items() if name != "unit"}
    return _page(request, rule, unit, Said(filled, days_of(rule)), {})


async def change_rule(request: Request) -> Response:
    """Show the form's words on the chart, add or take away a condition, or try it on 90 days."""
    said = said_in(await request.form())
    unit = said("unit")
    if unit and not parts(request).territory.knows(unit):
        unit = ""
    rule = _rule(request, unit)
    if "shape" in said.texts:
        return _page(request, rule, unit, _shaped(said), {})
    try:
        changed = rule_said(request, rule, said, _watched(rule))
        parse_rule(row_with({}, changed))
        if "try" not in said.texts:
            return _page(request, rule, unit, said, {}, changed)
        return await begin(request, _job(request, rule, changed, unit, said))
    except Invalid as error:
        return _page(request, rule, unit, said, _problem(request, error))


def _rule(request: Request, unit: str) -> Rule:
    name = request.path_params["rule"]
    if name == NEW:
        return _blank(request)
    found = book_at(parts(request).operations, unit or None).rules.get(name)
    if found is None:
        raise Missing(f"There is no alarm rule “{name[:60]}” here.")
    return found


def _blank(request: Request) -> Rule:
    """A rule that nobody has adopted yet, named by the day and the second."""
    moment = to_datetime(now_us()).astimezone(VIETNAM)
    empty = Threshold("pm25", Bound(">", 0.0, 0.0))
    return Rule(f"own-{moment:%Y%m%d-%H%M%S}", {"vi": "", "en": ""}, "AirQualityObserved", empty, Priority.MEDIUM)


def _shaped(said: Said) -> Said:
    """The form with another number or kind of conditions."""
    texts = dict(said.texts)
    if said("shape") == "add":
        texts["kind1"] = "threshold"
        texts.setdefault("watch1", said("watch0"))
    elif said("shape") == "remove":
        texts["kind1"] = ""
    return Said(texts, said.days)


def _job(request: Request, rule: Rule, changed: Rule, unit: str, said: Said) -> Job:
    """What is to be tried. Invalid names the field."""
    if not visit(request).actor.roles & TRIERS:
        raise Forbidden
    here, rules = parts(request).operations, parts(request).rules
    before = in_force(rules, KIND, unit or None)
    row: Tables = next((one for one in before["rule"] if one["id"] == rule.id), {})
    found = wanted(here, Asked(unit, said("day"), row_with(row, changed)), now_us())
    return Job(
        unit=unit,
        day=said("day"),
        text=found.text,
        version=found.version,
        back=_address(request, unit, said),
        name=words(request).pick(changed.name),
        before=before,
        after=found.tables,
        rules=(rule.id,),
    )


def _address(request: Request, unit: str, said: Said) -> str:
    """The form filled in, as an address that can be handed on."""
    kept = {name: text for name, text in said.texts.items() if name not in ("csrf", "try", "show", "shape") and text}
    return str(request.url.replace(scheme="", netloc="").include_query_params(**(kept | {"unit": unit})))


def _problem(request: Request, error: Invalid) -> dict[str, str]:
    """Where the form shows an error: beside its field, in the catalogue's words where it has them."""
    field = str(error.fields.get("field", "name_vi"))
    place, _, last = field.rpartition(".")
    number = "1" if "[1]" in place else "0"
    name = {"validFrom": "day", "seconds": f"window{number}", "window_seconds": f"window{number}"}.get(last)
    if name is None:
        name = f"{last}{number}" if place else last
    t = words(request).t
    key = f"alarmrules.mend.{last}"
    return {name: f"{t(key)} ({error.detail})" if place and words(request).has(key) else error.detail}


def _watched(rule: Rule) -> frozenset[str]:
    """What the form may watch: what is drawn on maps, and what the rule watches already."""
    known = {f"{one.name}.{name}" for one in KINDS for name in one.attributes}
    own = {f"{getattr(leaf, 'type', rule.type)}.{leaf.attribute}" for leaf in leaves(rule.when)}
    return frozenset(known | own)


def _watches(request: Request, rule: Rule) -> list[tuple[str, str]]:
    t, found = words(request).t, []
    for one in sorted(_watched(rule)):
        kind, _, name = one.partition(".")
        unit = unit_of(name, None)
        word = t(f"type.{kind}") if words(request).has(f"type.{kind}") else kind
        found.append((one, f"{word}: {attribute_name(request, name)}{f' ({unit})' if unit else ''}"))
    return found


def _page(
    request: Request, rule: Rule, unit: str, said: Said, problems: Mapping[str, str], changed: Rule | None = None
) -> Response:
    here, new = parts(request).operations, request.path_params["rule"] == NEW
    book = book_at(here, unit or None)
    shown = changed or rule
    decided = None if new else said_by(request, rule.id, book, unit)
    now = now_us()
    weekly = {} if new else lately(here, visit(request).actor, unit, now - WEEK, now)
    names = {one.id: words(request).pick(one.name) for one in book.rules.values()}
    kind, icon = PRIORITIES[shown.priority]
    t = words(request).t
    return render(
        request,
        "operations/rules/one.html",
        FAILED if problems else 200,
        rule=shown,
        new=new,
        name=words(request).pick(shown.name) or t("operations.rules.new"),
        condition=condition(request, shown),
        lines=list(parts_of(request, shown.when)),
        more=list(more(request, shown, names)),
        kind=kind,
        icon=icon,
        advice=words(request).pick(shown.advice),
        unit=unit,
        unit_word=dict(units_of(request)).get(unit, unit),
        units=units_of(request),
        decided=decided_by(request, decided),
        decision=decided,
        weekly=weekly.get(rule.id, (0, 0)),
        week=None if new else week_of(request, shown, unit, said("subject")),
        text_address=f"/rule-sets/{KIND}?unit={unit}",
        fits=fits(rule),
        given=defaultdict(str, said.texts),
        days=said.days,
        parts=shape(request, said.texts),
        two=parts_in(said.texts) > 1,
        watched=_watches(request, rule),
        part_kinds=[(one, t(f"alarmrules.kind.{one}")) for one in PART_KINDS],
        each=[(one.value, t(f"alarmrules.each.{one}")) for one in Each],
        over=[(one.value, t(f"alarmrules.over.{one}")) for one in Each],
        ops=[(op, t(f"alarmrules.op.{place}")) for place, op in enumerate((">", ">=", "<", "<="))],
        week_days=[(str(day), t(f"alarmrules.day.{day}")) for day in WEEK_DAYS],
        priorities=[(one.value, t(f"operations.priority.{one}")) for one in Priority],
        roots=[("", t("alarmrules.no_root")), *((key, word) for key, word in names.items() if key != rule.id)],
        day=said("day") or tomorrow(),
        problems=problems,
        may_try=bool(visit(request).actor.roles & TRIERS),
        may_keep=bool(visit(request).actor.roles & KEEPERS),
        previewed=changed is not None,
        walk=decided.id if decided else "",
        quality="/quality",
    )


_SAMPLE = {"rule": "pm25-high"}
PAGES = (
    Page("/rules/{rule}", one_rule, "operations.rule.title", roles=STAFF, sample=_SAMPLE),
    Page("/rules/{rule}", change_rule, "rules.try", methods=("POST",), roles=TRIERS, sample=_SAMPLE),
)
