"""The rules about reports as a form: what holds here, what a change would have done, and adopting it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import tomli_w
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from dothi.citizens.handling.simulation import simulate
from dothi.citizens.needs import KIND
from dothi.ground.clock import VIETNAM, now_us, to_datetime
from dothi.ground.errors import Forbidden, Invalid
from dothi.hub.model import ABSENT
from dothi.office.rules import adopt, applied, check_day, difference, in_force, inherited, overlay, read, versions
from dothi.office.rules.model import RuleSet, Trial
from dothi.office.rules.service import check
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.shown import STAFF, unit_name
from dothi.web.parts import parts

KEEPERS = frozenset({"data_steward", "administrator", "programme_officer"})
FAILED = 422
HOURS_MAX = 2000.0
MOST = 10_000
# Numbers of the form: its field → file, table and key of the rules.
NUMBERS: Mapping[str, tuple[str, str, str]] = {
    "receive": ("categories", "receive", "normal_hours"),
    "receive_urgent": ("categories", "receive", "urgent_hours"),
    "passes": ("categories", "limits", "passes"),
    "reopenings": ("categories", "limits", "reopenings"),
    "reports": ("categories", "recurrence", "reports"),
    "radius": ("categories", "recurrence", "radius_m"),
    "days": ("categories", "recurrence", "days"),
    "new_words": ("wording", "answer", "new_words"),
}
WHOLE = frozenset({"passes", "reopenings", "reports", "days", "new_words"})
EVIDENCE = ("photo", "any")
Tables = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What the form asks for: a set for a unit from a day on."""

    unit: str
    day: str
    reason: str
    text: str  # The unit's own differences as TOML, what the fields say included.
    version: int


async def rule_set(request: Request) -> Response:
    """Which rules hold for reports here, and who decided them?"""
    unit = str(request.query_params.get("unit", own_unit(request)))
    if unit and not parts(request).territory.knows(unit):
        unit = ""
    return _form(request, unit, {}, {})


async def change_rules(request: Request) -> Response:
    """Try a change on the last 90 days; the second step adopts it."""
    form = await request.form()
    given = {name: str(value) for name, value in form.items() if isinstance(value, str)}
    unit = given.get("unit", "")
    if "change" in given:  # Back from the trial to the form.
        return _form(request, unit, given, {})
    try:
        asked = _asked(request, unit, given, form)
        if "adopt" in given:
            await adopt(
                parts(request).rules,
                visit(request).actor,
                KIND,
                asked.unit,
                asked.day,
                asked.text,
                asked.reason,
                asked.version,
            )
            return redirect(request, f"/rule-sets?unit={unit}", "rules.adopted", day=words(request).date(asked.day))
        return _trial(request, asked, given)
    except Invalid as error:
        return _form(request, unit, given, {str(error.fields.get("field", "text")): said(request, error)})


def said(request: Request, error: Invalid) -> str:
    """The error in the reader's words where the catalogue has them, else as it came."""
    key = f"rules.mend.{error.fields.get('field', '')}"
    return f"{words(request).t(key)} ({error.detail})" if words(request).has(key) else error.detail


def own_unit(request: Request) -> str:
    """The commune or province of the reader, when it is one."""
    areas = visit(request).actor.areas
    return next(iter(areas)) if len(areas) == 1 else parts(request).province


def units_of(request: Request) -> list[tuple[str, str]]:
    """The whole city, its province and communes, as far as the reader's areas go."""
    here, actor = parts(request).territory, visit(request).actor
    province = parts(request).province
    codes = [province, *(one.code for one in here.communes_of(province))] if province else []
    mine = [code for code in codes if not actor.areas or any(one.code in actor.areas for one in here.chain(code))]
    rest = [code for code in sorted(actor.areas) if code not in mine and here.knows(code)]
    return [("", words(request).t("rules.city")), *((code, unit_name(request, code)) for code in [*mine, *rest])]


def kinds_of(request: Request, chosen: str) -> list[tuple[str, str, bool, None]]:
    """The kinds of rules as tabs."""
    return [
        (
            words(request).t(f"rules.kind.{name}"),
            "/rule-sets" if name == KIND else f"/rule-sets/{name}",
            name == chosen,
            None,
        )
        for name in parts(request).rules.kinds
    ]


def tomorrow() -> str:
    """The day after today in Vietnam: from then on a set holds where nobody says otherwise."""
    return to_datetime(now_us() + 86_400_000_000).astimezone(VIETNAM).date().isoformat()


def own_set(request: Request, kind: str, unit: str) -> RuleSet | None:
    """The unit's own newest set, adopted or still to come."""
    return next(reversed(versions(parts(request).rules, kind, unit)), None)


def _form(request: Request, unit: str, given: Mapping[str, str], problems: Mapping[str, str]) -> Response:
    rules, own = parts(request).rules, own_set(request, KIND, unit)
    tables = in_force(rules, KIND, unit or None)
    return render(
        request,
        "accounts/rule_sets.html",
        FAILED if problems else 200,
        unit=unit,
        unit_word=dict(units_of(request)).get(unit, unit),
        units=units_of(request),
        kinds=kinds_of(request, KIND),
        sets=[(one, unit_name(request, one.unit) if one.unit else "") for one in applied(rules, KIND, unit or None)],
        adopted=list(reversed(versions(rules, KIND, unit))),
        categories=[_category(request, row, given) for row in _all_categories(request, unit, tables)],
        numbers={name: given.get(name, _written(tables[f][t][key])) for name, (f, t, key) in NUMBERS.items()},
        own_text=given.get("text", own.text if own else ""),
        day=given.get("day", tomorrow()),
        reason=given.get("reason", ""),
        problems=problems,
        may_keep=bool(visit(request).actor.roles & KEEPERS),
        evidence=[(one, words(request).t(f"rules.evidence.{one}")) for one in EVIDENCE],
    )


def _all_categories(request: Request, unit: str, tables: Tables) -> list[dict[str, Any]]:
    """The categories in force and, marked as removed, those that the levels above have."""
    above = inherited(parts(request).rules, KIND, unit, to_datetime(now_us()).astimezone(VIETNAM).date())
    here = {row["id"]: row for row in tables["categories"]["category"]}
    gone = [{**row, "removed": True} for row in above["categories"]["category"] if row["id"] not in here]
    return [*here.values(), *gone]


def _category(request: Request, row: Tables, given: Mapping[str, str]) -> dict[str, Any]:
    name = row["id"]
    posted = f"hours.{name}" in given
    return {
        "id": name,
        "name": words(request).pick({"vi": row["vi"], "en": row["en"]}),
        "hours": given.get(f"hours.{name}", _written(row["handle_hours"])),
        "evidence": given.get(f"evidence.{name}", row["evidence"]),
        "urgent": (given.get(f"urgent.{name}") == "on") if posted else row.get("urgent", False),
        "used": (given.get(f"used.{name}") == "on") if posted else not row.get("removed", False),
    }


def _written(value: float) -> str:
    return f"{value:g}".replace(".", ",")


def _asked(request: Request, unit: str, given: Mapping[str, str], form: FormData) -> Asked:
    """The set that the form asks for, its fields laid over its text. Invalid names the field."""
    rules = parts(request).rules
    if not visit(request).actor.roles & KEEPERS:
        raise Forbidden
    day = check_day(given.get("day", ""), now_us())
    above = inherited(rules, KIND, unit, day)
    text = given.get("text", "")
    if "adopt" not in given:
        wanted = _with_fields(request, overlay(above, read(text)), above, given)
        text = tomli_w.dumps(difference(above, wanted))
    check(rules, KIND, unit, day, read(text))
    same = next((one for one in versions(rules, KIND, unit) if one.valid_from == given.get("day")), None)
    return Asked(unit, given["day"], given.get("reason", "").strip(), text, same.version if same else ABSENT)


def _with_fields(request: Request, tables: Tables, above: Tables, given: Mapping[str, str]) -> dict[str, Any]:
    """The tables with what the fields of the form say."""
    changed = overlay(tables, {})
    known = {row["id"]: row for row in (*above["categories"]["category"], *tables["categories"]["category"])}
    rows = [_row(request, row, given) for row in known.values() if given.get(f"used.{row['id']}") == "on"]
    changed["categories"] = {**changed["categories"], "category": rows}
    for name, (file, table, key) in NUMBERS.items():
        value = _number(request, given, name)
        changed[file] = {**changed[file], table: {**changed[file][table], key: int(value) if name in WHOLE else value}}
    return changed


def _row(request: Request, row: Tables, given: Mapping[str, str]) -> dict[str, Any]:
    name = row["id"]
    said: dict[str, Any] = {**row, "handle_hours": _number(request, given, f"hours.{name}")}
    if given.get(f"evidence.{name}") in EVIDENCE:
        said["evidence"] = given[f"evidence.{name}"]
    urgent = given.get(f"urgent.{name}") == "on"
    if urgent is not bool(row.get("urgent", False)):
        said["urgent"] = urgent
    return said


def _number(request: Request, given: Mapping[str, str], name: str) -> float:
    text = given.get(name, "").strip().replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    most = MOST if name in NUMBERS else HOURS_MAX
    if not 0 <= value <= most or (name in WHOLE and value != int(value)):
        raise Invalid(words(request).t("rules.mend.number", most=f"{most:g}"), field=name)
    return value


def _trial(request: Request, asked: Asked, given: Mapping[str, str]) -> Response:
    """What the change would have done over the last 90 days, and the button that adopts it."""
    rules = parts(request).rules
    before = in_force(rules, KIND, asked.unit or None)
    after = overlay(inherited(rules, KIND, asked.unit, check_day(asked.day, now_us())), read(asked.text))
    if len(asked.reason) < 10:
        raise Invalid(field="reason")
    found = simulate(parts(request).citizens, asked.unit or None, dict(before), after)
    return trial_page(request, asked, found, given, "/rule-sets")


def trial_page(request: Request, asked: Asked, found: Trial | None, given: Mapping[str, str], back: str) -> Response:
    """What the change would have done, and the button that adopts it."""
    return render(
        request,
        "accounts/rule_trial.html",
        asked=asked,
        unit_word=dict(units_of(request)).get(asked.unit, asked.unit),
        found=found,
        changed=bool(asked.text.strip()),
        back=back,
        given={name: value for name, value in given.items() if name not in ("csrf", "text", "try")},
    )


PAGES = (
    Page("/rule-sets", rule_set, "rules.title", roles=STAFF, menu=Menu("system", 62)),
    Page("/rule-sets", change_rules, "rules.try", methods=("POST",), roles=KEEPERS),
)
