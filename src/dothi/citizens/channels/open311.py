"""Reports in the words of Open311 GeoReport v2: services, their questions, requests; as values, JSON and XML.

Specification: wiki.open311.org/GeoReport_v2. What goes beyond it is told in the discovery document.
"""

import xml.etree.ElementTree as Xml
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from dothi.citizens.model import TYPE, State, report_of
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.reading import PublicReport, public_report
from dothi.citizens.rules import Category, Rules
from dothi.citizens.rules.intake.questions import Question
from dothi.ground.clock import DAY, from_iso, iso
from dothi.ground.errors import Missing
from dothi.hub.language.nodes import And, Compare, Condition, Query, TypeIs
from dothi.hub.model import Entity

Value = Mapping[str, Any] | list[Any] | str | float | bool | None
SPAN_MAX = 90 * DAY  # "may not span more than 90 days"
PAGE_MAX = 1000  # "… or first 1000 requests returned, whichever is smallest"
OPEN, CLOSED = "open", "closed"
ONE_OF = {  # What one element of a list is called in XML.
    "services": "service",
    "service_requests": "request",
    "attributes": "attribute",
    "values": "value",
    "errors": "error",
    "endpoints": "endpoint",
    "formats": "format",
    "media_urls": "media_url",
    "extensions": "extension",
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where an endpoint stands: the jurisdiction asked for (a unit's code, "" = all), address and language."""

    jurisdiction: str
    address: str
    language: str = "vi"


@dataclass(frozen=True, slots=True)
class Sought:
    """Which requests; empty means any. Instants are µs."""

    start: int
    end: int
    codes: tuple[str, ...] = ()
    status: tuple[str, ...] = ()
    page: int = 1
    page_size: int = PAGE_MAX


def services(rules: Rules, language: str) -> list[Value]:
    """GET services: every category."""
    return [_service(rules, one, language) for one in rules.categories.values()]


def _service(rules: Rules, category: Category, language: str) -> dict[str, Any]:
    return {
        "service_code": category.id,
        "service_name": category.names[language],
        "description": category.hints[language],
        "metadata": bool(rules.intake.questions.of(category.id)),
        "type": "realtime",
        "keywords": ",".join(part.strip() for part in category.hints[language].split(",")),
        "group": "urgent" if category.urgent else "",
    }


def definition(rules: Rules, code: str, language: str) -> dict[str, Any]:
    """GET service definition: the questions of a category. Missing when there is no such category."""
    if code not in rules.categories:
        raise Missing(f"service_code {code[:40]} was not found.")
    asked = rules.intake.questions.of(code)
    return {
        "service_code": code,
        "attributes": [_attribute(one, order, language) for order, one in enumerate(asked, 1)],
    }


def _attribute(question: Question, order: int, language: str) -> dict[str, Any]:
    return {
        "variable": True,
        "code": question.id,
        "datatype": "singlevaluelist",
        "required": question.required and question.after is None,  # One that follows an answer may not be asked.
        "datatype_description": "",
        "order": order,
        "description": question.names[language],
        "values": [{"key": one.id, "name": one.names[language]} for one in question.choices],
    }


def requests(citizens: Citizens, sought: Sought, place: Place) -> list[Value]:
    """GET requests, newest first."""
    terms: list[Condition] = [
        Compare(("filedAt",), ">=", iso(sought.start)),
        Compare(("filedAt",), "<=", iso(sought.end)),
    ]
    if sought.codes:
        terms.append(Compare(("category",), "==", sought.codes))
    states = _states(sought.status)
    if states:
        terms.append(Compare(("state",), "==", states))
    if place.jurisdiction:
        terms.append(Compare(("unit",), "==", tuple(sorted(citizens.territory.within(place.jurisdiction)))))
    size = min(sought.page_size, PAGE_MAX)
    query = Query(TypeIs(TYPE), q=And(tuple(terms)), limit=size, offset=(sought.page - 1) * size, order=("-filedAt",))
    return [request_of(citizens, one, place) for one in citizens.hub.query(SYSTEM, query)]


def _states(status: tuple[str, ...]) -> tuple[str, ...]:
    """The states of reports that the wanted statuses stand for; () is all."""
    if not status or {OPEN, CLOSED} <= set(status):
        return ()
    closed = State.ANSWERED.value
    return (closed,) if CLOSED in status else tuple(one.value for one in State if one.value != closed)


def by_number(citizens: Citizens, number: str, place: Place) -> dict[str, Any]:
    """GET request: one by its public number. Missing when there is none."""
    query = Query(TypeIs(TYPE), q=Compare(("code",), "==", number.upper()), limit=1)
    found = next(iter(citizens.hub.query(SYSTEM, query)), None)
    if found is None:
        raise Missing(f"service_request_id {number[:40]} was not found.")
    return request_of(citizens, found, place)


def request_of(citizens: Citizens, entity: Entity, place: Place) -> dict[str, Any]:
    """What everybody may know of a report: no words or photos of its reporter, the place rounded."""
    one = public_report(report_of(entity))
    rules = rules_at(citizens, one.unit)
    category = rules.categories.get(one.category)
    outcome = rules.notices.outcomes.get(one.outcome.value, {}) if one.outcome else {}
    photos = [f"{place.address}/file/{file.sha256}?of={one.id}" for file in one.proof if file.is_photo]
    return {
        "service_request_id": one.code,
        "status": CLOSED if one.state is State.ANSWERED else OPEN,
        "status_notes": ". ".join(part for part in (outcome.get(place.language, ""), one.answer or "") if part),
        "service_name": category.names[place.language] if category else one.category,
        "service_code": one.category,
        "description": "",
        "agency_responsible": _unit_name(citizens, one.unit, place.language),
        "service_notice": "",
        "requested_datetime": _seconds(one.filed_at),
        "updated_datetime": _seconds(entity.value("step", {}).get("at") or one.filed_at),
        "expected_datetime": _seconds(one.handle_by),
        "address": _unit_name(citizens, one.unit, place.language),
        "address_id": one.unit or "",
        "zipcode": "",
        "lat": one.place[1] if one.place else None,
        "long": one.place[0] if one.place else None,
        "media_url": photos[0] if photos else "",
        "media_urls": photos,
        "extended_attributes": _extended(one),
    }


def _extended(one: PublicReport) -> dict[str, Any]:
    """What Open311 has no word for: the state between open and closed, and whether the promise was kept."""
    return {
        "state": one.state.value,
        "outcome": one.outcome.value if one.outcome else None,
        "on_time": one.on_time,
        "reopened": one.reopened,
    }


def _seconds(instant: str | None) -> str:
    return iso(from_iso(instant) // 1_000_000 * 1_000_000) if instant else ""


def _unit_name(citizens: Citizens, code: str | None, language: str) -> str:
    try:
        return str(citizens.territory.unit(code).name_in(language)) if code else ""
    except Missing:
        return code or ""


def discovery(address: str, changed: str, simulated: bool) -> dict[str, Any]:
    """The service discovery document, with what this endpoint does beyond the specification."""
    return {
        "changeset": changed,
        "contact": f"{address}/",
        "key_service": f"{address}/keys",
        "endpoints": [
            {
                "specification": "http://wiki.open311.org/GeoReport_v2",
                "url": f"{address}/open311/v2",
                "changeset": changed,
                "type": "test" if simulated else "production",
                "formats": ["text/xml", "application/json"],
            }
        ],
        "extensions": [
            "media: several files in a multipart/form-data POST of a request; media_url is not fetched",
            "media_urls: all public photos of an answer; media_url is the first of them",
            "page and page_size (up to 1000) of GET requests",
            "locale=vi or en on every method",
            "jurisdiction_id: optional; the code of a province or commune narrows to it",
            "follow_code in the answer of POST: whoever holds it follows, rates and re-opens the request",
            "Idempotency-Key header of POST: the same key again returns the first request",
            "extended_attributes of a request: state, outcome, on_time, reopened",
            "description is never public; places are rounded to about 110 m",
        ],
    }


def as_json(name: str, value: Value) -> bytes:
    """The value as JSON; Open311 names the root in XML only."""
    return msgspec.json.encode(value)


def as_xml(name: str, value: Value) -> bytes:
    """The value as XML under a root called `name`."""
    written: bytes = Xml.tostring(_element(name, value), encoding="utf-8", xml_declaration=True)
    return written


def _element(name: str, value: Value) -> Xml.Element:
    element = Xml.Element(name)
    if isinstance(value, Mapping):
        element.extend(_element(key, part) for key, part in value.items())
    elif isinstance(value, list):
        element.extend(_element(ONE_OF[name], part) for part in value)
    elif isinstance(value, bool):
        element.text = str(value).lower()
    elif value is not None and value != "":
        element.text = _printable(str(value))
    return element


def _printable(text: str) -> str:
    """The text without signs that XML 1.0 cannot hold."""
    return "".join(sign for sign in text if sign in "\t\n\r" or (sign >= " " and sign not in "\ufffe\uffff"))
