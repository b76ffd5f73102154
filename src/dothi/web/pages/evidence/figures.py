"""The pages of figures: all of them at a glance, and one with everything behind it."""

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from dothi.evidence.definitions import indicator, indicators
from dothi.evidence.formula import standing
from dothi.evidence.model import (
    COUNTRY,
    Indicator,
    Period,
    Standing,
    parse_period,
    period_of,
    value_id,
)
from dothi.evidence.publishing import publications, publish
from dothi.evidence.reading import find, several
from dothi.evidence.service import values
from dothi.evidence.walk import Way
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.hub.language.nodes import Window
from dothi.hub.model import Entity
from dothi.web.page import Menu, Page, redirect, render, visit, words
from dothi.web.pages.shown import named, unit_name
from dothi.web.pages.walk import steps_from
from dothi.web.parts import parts

PUBLISHERS = frozenset({"programme_officer"})
KINDS = {Standing.MET: "good", Standing.MISSED: "bad", Standing.GREY: "grey", Standing.NONE: "plain"}
HISTORY_MAX = 366


@dataclass(frozen=True)
class Shown:
    """A figure as the pages show it; `value` None is grey."""

    id: str
    href: str
    name: str
    unit: str  # Code.
    place: str
    period: str
    value: float | None
    symbol: str
    decimals: int
    target: str
    standing: str
    kind: str
    state: str
    at: str
    sources: str
    reasons: tuple[str, ...]
    simulated: bool
    sample: bool
    response: float | None
    revised: bool


def shown(request: Request, one: Indicator, value: Entity | None, unit: str, period: Period) -> Shown:
    """A figure, or the place where one would stand."""
    here = words(request)
    number = value.value("value") if value else None
    stands = standing(one, number)
    told = value.value("reasons", []) if value else []
    sources = several(value.value("sources")) if value else []
    return Shown(
        id=value.id if value else value_id(one.id, unit, period.name),
        href=f"/indicator/{short(one)}?unit={unit}&period={period.name}",
        name=here.pick(one.name),
        unit=unit,
        place=place_name(request, unit),
        period=period_words(period.name),
        value=number,
        symbol=here.pick(one.symbol),
        decimals=one.decimals,
        target=target_words(request, one),
        standing=stands.value,
        kind=KINDS[stands],
        state=value.value("state") if value else "grey",
        at=(value.value("observedTo") or value.value("computedAt")) if value else "",
        sources=", ".join(named(request, name) for name in sources[:2]) + (" …" if len(sources) > 2 else ""),
        reasons=tuple(reason_words(request, reason) for reason in told) if value else (here.t("evidence.reason.none"),),
        simulated=bool(value and value.value("simulated")),
        sample=one.sample,
        response=value.value("responseRate") if value else None,
        revised=bool(value and "revision" in value.attrs),
    )


def short(one: Indicator) -> str:
    """The name of an indicator in addresses."""
    return one.id.rpartition(":")[2]


def place_name(request: Request, unit: str) -> str:
    """The name of a unit; of the country as a whole where no city is named."""
    return words(request).t("evidence.everything") if unit == COUNTRY else unit_name(request, unit)


def valued(request: Request, one: Indicator, number: float | None) -> str:
    """A value with its unit as people read it."""
    here = words(request)
    return f"{here.number(number, one.decimals)} {here.pick(one.symbol)}".strip()


def period_words(name: str) -> str:
    """22/11/2026, 11/2026, or W47/2026, Q4/2026."""
    return "/".join(reversed(name.split("-")))


def target_words(request: Request, one: Indicator) -> str:
    """At least, or at most, so much; empty when there is no target."""
    if one.target is None:
        return ""
    here = words(request)
    return here.t(
        f"evidence.target.{one.direction}", target=f"{here.number(one.target)} {here.pick(one.symbol)}".strip()
    )


def reason_words(request: Request, reason: dict[str, Any]) -> str:
    """A typed reason in words."""
    here = words(request)
    detail = {key: value for key, value in reason.items() if key not in ("code", "blocks")}
    if "source" in detail:
        detail["source"] = named(request, detail["source"])
    for share in ("share", "minimum"):
        if share in detail:
            detail[share] = here.percent(detail[share])
    for count in ("rows", "count"):
        if count in detail:
            detail["n"] = detail[count]
    return here.t(f"evidence.reason.{reason['code']}", **detail)


def city_unit(request: Request) -> str:
    """The unit whose figures stand first: the city's province, else everything."""
    return parts(request).province or str(parts(request).evidence.unit)


async def overview(request: Request) -> Response:
    """How is the city, or this commune, measured by its figures?"""
    evidence, actor = parts(request).evidence, visit(request).actor
    now = now_us()
    listed = [one for one in indicators(evidence, actor) if one.listed]
    table: dict[str, dict[str, Shown]] = {}
    for one in listed:
        period = period_of(one.period, now)
        for value in values(evidence, actor, one.id, period=period.name):
            unit = value.value("unit")
            table.setdefault(unit, {})[one.id] = shown(request, one, value, unit, period)
    city = city_unit(request)
    unit = request.query_params.get("unit") or city
    units = {city, *table} - ({COUNTRY} if city != COUNTRY else set())
    tiles = [_tile(request, one, table, unit, now) for one in listed]
    rows = [(place_name(request, code), code, [table.get(code, {}).get(one.id) for one in listed]) for code in units]
    by_unit = [one for one in listed if one.formula.by_unit]
    return render(
        request,
        "evidence/overview.html",
        tiles=tiles,
        heads=by_unit,
        rows=sorted(
            (name, code, [cell for cell, one in zip(cells, listed, strict=True) if one in by_unit])
            for name, code, cells in rows
            if len(code) > 2
        ),
        unit=unit,
        place=place_name(request, unit),
        units=[
            (city, place_name(request, city)),
            *sorted(((code, name) for name, code, _ in rows if code != city), key=lambda pair: pair[1]),
        ],
        missed=sum(tile.standing == Standing.MISSED for tile in tiles),
        grey=sum(tile.standing == Standing.GREY for tile in tiles),
    )


def _tile(request: Request, one: Indicator, table: dict[str, dict[str, Shown]], unit: str, now: int) -> Shown:
    """An indicator of the city as a whole is the same in every commune."""
    where = unit if one.formula.by_unit else str(parts(request).evidence.unit)
    return table.get(where, {}).get(one.id) or shown(request, one, None, where, period_of(one.period, now))


async def one_indicator(request: Request) -> Response:
    """What is this figure, is it good, what is it made of, and what is done about it?"""
    return _one(request, {})


def _asked(request: Request) -> tuple[Indicator, str, Period]:
    """The indicator, unit and period that the address names; the running period of the city where it names none."""
    evidence = parts(request).evidence
    one = indicator(evidence, visit(request).actor, request.path_params["indicator"])
    unit = request.query_params.get("unit") or (city_unit(request) if one.formula.by_unit else evidence.unit)
    name = request.query_params.get("period")
    period = parse_period(one.period, name) if name else period_of(one.period, now_us())
    return one, unit, period


def _one(request: Request, problems: dict[str, str]) -> Response:
    evidence, actor = parts(request).evidence, visit(request).actor
    one, unit, period = _asked(request)
    value = find(evidence, value_id(one.id, unit, period.name), actor)
    figure = shown(request, one, value, unit, period)
    groups = steps_from(request, value.id if value else one.id)
    others = sorted(
        values(evidence, actor, one.id, unit, limit=HISTORY_MAX), key=lambda other: other.value("periodStart")
    )
    series = [(from_iso(other.value("periodStart")), other.value("value")) for other in others]
    return render(
        request,
        "evidence/indicator.html",
        422 if problems else 200,
        one=one,
        short=short(one),
        figure=figure,
        value=value,
        series=series,
        moves=_moves(request, value),
        sources=[_source(request, name) for name in several(value.value("sources"))] if value else [],
        inputs=next((group for group in groups if group.relation == "inputs"), None),
        groups=[
            group for group in groups if group.relation not in ("inputs", "sources", "indicator", "published", "of")
        ],
        published=[_publication(request, one, found) for found in publications(evidence, actor, figure.id)],
        revision=_revision(request, one, value),
        may_publish=bool(PUBLISHERS & actor.roles) and value is not None and figure.value is not None,
        problems=problems,
        down=Way.DOWN,
    )


def _moves(request: Request, value: Entity | None) -> list[tuple[int, float | None]]:
    """How the figure moved within its period, as it was known."""
    if value is None:
        return []
    told = parts(request).hub.history(
        visit(request).actor, value.id, ("value",), Window(attribute="modifiedAt", last=200)
    )
    return [(from_iso(instance["modifiedAt"]), instance["value"]) for instance in told.get("value", ())]


def _source(request: Request, name: str) -> dict[str, Any]:
    source = find(parts(request).evidence, name, visit(request).actor)
    said = source.value("state", "never") if source else "never"
    seen = source.value("lastSeen") if source else None
    return {
        "name": named(request, name),
        "href": f"/walk/{name}",
        "state": said,
        "seen": seen,
        "kind": "good" if said == "live" else "grey",
    }


def _publication(request: Request, one: Indicator, found: Entity) -> dict[str, Any]:
    return {
        "value": valued(request, one, found.value("value")),
        "at": found.value("publishedAt"),
        "reason": found.value("publishedReason", ""),
        "complete": found.value("complete"),
        "href": f"/walk/{found.id}",
    }


def _revision(request: Request, one: Indicator, value: Entity | None) -> dict[str, Any] | None:
    revision = value.value("revision") if value else None
    if revision is None:
        return None
    reasons = [reason_words(request, {**reason, "code": f"revised_{reason['code']}"}) for reason in revision["reasons"]]
    return {"was": words(request).number(revision["was"], one.decimals), "since": revision["since"], "reasons": reasons}


async def publish_value(request: Request) -> Response:
    """A programme officer stands by the figure: it is frozen as it is now."""
    one, unit, period = _asked(request)
    reason = str((await request.form()).get("reason", "")).strip()
    try:
        await publish(parts(request).evidence, visit(request).actor, value_id(one.id, unit, period.name), reason)
    except Conflict:
        return _one(request, {"reason": words(request).t("evidence.publish.same")})
    except Invalid:
        return _one(request, {"reason": words(request).t("evidence.publish.why")})
    address = f"/indicator/{short(one)}?unit={unit}&period={period.name}"
    return redirect(request, address, "evidence.publish.done")


_SAMPLE = {"indicator": "pm25-mean"}
PAGES = (
    Page("/indicators", overview, "evidence.overview.title", menu=Menu("work", 40)),
    Page("/indicator/{indicator}", one_indicator, "evidence.one.title", sample=_SAMPLE),
    Page(
        "/indicator/{indicator}",
        publish_value,
        "evidence.publish.title",
        methods=("POST",),
        roles=PUBLISHERS,
        sample=_SAMPLE,
        page=False,
    ),
)
