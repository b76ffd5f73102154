"""The CAP 1.2 message of a warning: what its texts, codes, area and bulletin say, nothing added and nothing cut."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

import shapely
from shapely.geometry import Polygon
from shapely.geometry.base import BaseGeometry

from dothi.ground.clock import VIETNAM, from_iso, to_datetime
from dothi.ground.errors import Invalid
from dothi.operations.warnings.areas import DIGITS, outline_of
from dothi.operations.warnings.cap.checks import errors, ring_problem
from dothi.operations.warnings.cap.message import Alert, Area, Circle, Info, Pairs, Ring
from dothi.operations.warnings.cap.writing import to_xml
from dothi.operations.warnings.model import Bulletin, Kind, Shape, Warning
from dothi.operations.warnings.rules import Rules
from dothi.territory import Territory

MSG_TYPE = {Kind.ALERT: "Alert", Kind.UPDATE: "Update", Kind.CANCEL: "Cancel", Kind.ALL_CLEAR: "Update"}
LANGUAGE_TAG = {"vi": "vi-VN", "en": "en-US"}
NOBODY = "dothi.invalid"  # RFC 6761: a name that is nobody's, where the operator has set none.
_SIMPLER = 0.0003  # 30 m: a boundary in a message need not be finer.


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks: the city's name, and the address under which it is reached ("" = none)."""

    city: str
    address: str = ""


def cap_time(instant: int) -> str:
    """An instant (µs) as CAP 1.2 section 3.3.2 writes it, in Vietnam's time."""
    return f"{to_datetime(instant).astimezone(VIETNAM):%Y-%m-%dT%H:%M:%S}+07:00"


def sender_of(rules: Rules, speaker: Speaker) -> str:
    """The CAP sender: what the rules say, else the host of the city's own address."""
    return rules.sender or urlsplit(speaker.address).hostname or NOBODY


def identifier_of(warning: Warning, sent: int) -> str:
    """The name of a message, unique by its entity: unit, moment, part of the entity's id."""
    moment = f"{to_datetime(sent).astimezone(VIETNAM):%Y%m%dT%H%M%S}"
    return f"{warning.unit or 'VN'}.{moment}.{warning.id.rpartition(':')[2][:12]}"


def reference_of(warning: Warning) -> str:
    """How a later message names this one, which was released."""
    return f"{warning.sender},{warning.identifier},{cap_time(from_iso(warning.sent))}"


def make_cap(
    territory: Territory, rules: Rules, speaker: Speaker, warning: Warning, bulletin: Bulletin | None = None
) -> bytes:
    """The file of a warning that is released (sender, identifier and sent are set). Invalid lists what CAP forbids."""
    alert = make_alert(territory, rules, speaker, warning, bulletin)
    if found := errors(alert):
        raise Invalid(f"This would be no CAP message: {found[0]}.", errors=[str(one) for one in found])
    return to_xml(alert)


def make_alert(
    territory: Territory, rules: Rules, speaker: Speaker, warning: Warning, bulletin: Bulletin | None = None
) -> Alert:
    """The message itself. A legal level stands in it only as the bulletin's own."""
    infos = tuple(
        _info(territory, rules, speaker, warning, bulletin, language) for language in sorted(warning.info)[::-1]
    )
    return Alert(
        identifier=warning.identifier,
        sender=warning.sender,
        sent=cap_time(from_iso(warning.sent)),
        status="Exercise" if warning.drill else "Actual",
        msg_type=MSG_TYPE[warning.kind],
        scope="Public",
        source=f"{bulletin.sender_name or bulletin.sender} {bulletin.identifier}" if bulletin else "",
        note="DIỄN TẬP / EXERCISE" if warning.drill else "",
        references=warning.references,
        infos=infos,
    )


def _info(
    territory: Territory, rules: Rules, speaker: Speaker, warning: Warning, bulletin: Bulletin | None, language: str
) -> Info:
    hazard, text = rules.hazard(warning.hazard), warning.info[language]
    return Info(
        language=LANGUAGE_TAG[language],
        categories=hazard.category,
        event=warning.event[language],
        responses=_responses(warning, hazard.response),
        urgency=warning.urgency.value,
        severity=warning.severity.value,
        certainty=warning.certainty.value,
        effective=cap_time(from_iso(warning.effective or warning.sent)),
        expires=cap_time(from_iso(warning.expires)),
        sender_name=rules.sender_name.get(language) or speaker.city,
        headline=text.headline,
        description=text.description,
        instruction=text.instruction,
        web=f"{speaker.address}/alerts/{warning.thread.rpartition(':')[2]}" if speaker.address else "",
        parameters=_parameters(rules, bulletin),
        areas=_areas(territory, rules, warning, language),
    )


def _responses(warning: Warning, usual: tuple[str, ...]) -> tuple[str, ...]:
    if warning.kind is Kind.ALL_CLEAR:
        return ("AllClear",)
    return ("None",) if warning.kind is Kind.CANCEL else usual


def _parameters(rules: Rules, bulletin: Bulletin | None) -> Pairs:
    if bulletin is None or bulletin.level is None:
        return ()
    return ((rules.level_name, str(bulletin.level)),)


def _areas(territory: Territory, rules: Rules, warning: Warning, language: str) -> tuple[Area, ...]:
    units = tuple(_unit_area(territory, rules, code, language) for code in warning.units)
    return (*units, *(_drawn_area(shape, warning.area[language]) for shape in warning.shapes))


def _unit_area(territory: Territory, rules: Rules, code: str, language: str) -> Area:
    """A unit by its code, with its outline where the official boundary is known."""
    outline = outline_of(territory, code)
    rings = tuple(_rings(outline)) if outline is not None else ()
    return Area(territory.unit(code).name_in(language), rings, geocodes=((rules.geocode, code),))


def _rings(outline: BaseGeometry) -> Iterable[Ring]:
    """The outer rings of a boundary, simplified and a little wider: a warning may reach further, never less far."""
    simpler = shapely.set_precision(outline.simplify(_SIMPLER).buffer(_SIMPLER, quad_segs=1), 10**-DIGITS)
    for part in getattr(simpler, "geoms", [simpler]):
        if isinstance(part, Polygon) and not part.is_empty:
            ring = tuple((round(x, DIGITS), round(y, DIGITS)) for x, y in part.exterior.coords)
            if not ring_problem(ring):
                yield ring


def _drawn_area(shape: Shape, words: str) -> Area:
    if shape.circle:
        circle = Circle(shape.circle.lon, shape.circle.lat, shape.circle.km)
        return Area(shape.name or words, circles=(circle,))
    return Area(shape.name or words, (shape.ring,))
