"""How an entity is shown on any page: its name, its unit of measure, its place, its age and who acted on it."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import median

from starlette.requests import Request

from dothi.accounts.organisations import find_organisation, is_organisation
from dothi.accounts.people import display_name
from dothi.ground.clock import HOUR, MINUTE, from_iso, now_us
from dothi.ground.errors import Forbidden, Missing
from dothi.hub.model import Entity
from dothi.territory.model import Kind as Wards
from dothi.web.page import visit, words
from dothi.web.parts import parts

OLD = 2 * HOUR  # A reading older than this is shown grey.
STAFF = frozenset({"official", "duty_officer", "leader", "programme_officer", "assessor", "planner"}) | {
    "data_steward",
    "administrator",
}
UNITS: Mapping[str, str] = {  # UN/CEFACT code → what people write.
    "GQ": "µg/m³",
    "GP": "mg/m³",
    "P1": "%",
    "CEL": "°C",
    "MTR": "m",
    "MMT": "mm",
    "MTS": "m/s",
    "KMH": "km/h",
    "MQS": "m³/s",
    "LTR": "l",
    "KGM": "kg",
    "MTQ": "m³",
    "C62": "",
}


@dataclass(frozen=True)
class Kind:
    """What of a type of entity is shown on maps and walls: its attributes, the most telling first, and its icon."""

    name: str
    icon: str
    attributes: tuple[str, ...] = ()


KINDS: tuple[Kind, ...] = (
    Kind("AirQualityObserved", "air", ("pm25", "pm10", "no2")),
    Kind("WaterObserved", "water", ("level", "flow")),
    Kind("WeatherObserved", "weather", ("rainfall", "temperature")),
    Kind("TrafficFlowObserved", "traffic", ("averageVehicleSpeed", "occupancy")),
    Kind("WasteContainer", "waste", ("fillingLevel",)),
    Kind("PublicTransportStop", "place"),
)
USUAL = {"pm25": "GQ", "pm10": "GQ", "no2": "GQ", "level": "MTR", "flow": "MQS", "averageVehicleSpeed": "KMH"}
USUAL |= {"rainfall": "MMT", "temperature": "CEL"}
SHARES = frozenset({"fillingLevel", "occupancy"})  # 0 to 1 in the data, percent for people.


def find(request: Request, kind: str, q: str = "", limit: int = 1000, **options: object) -> list[Entity]:
    """Entities of a type that this visitor may see; none when the visitor may see none."""
    try:
        return list(parts(request).hub.find(visit(request).actor, kind, q, limit, **options))
    except Forbidden:
        return []


def named(request: Request, entity_id: str) -> str:
    """What people call the entity of that id, else the end of its id."""
    try:
        return name_of(request, parts(request).hub.get(visit(request).actor, entity_id))
    except Missing:
        return entity_id.rpartition(":")[2]


def name_of(request: Request, entity: Entity) -> str:
    """What people call an entity: its name or title, else its type and the end of its id."""
    name = words(request).pick(entity.value("name") or entity.value("title"))
    if name:
        return name
    kind, tail = entity.types[0], entity.id.rpartition(":")[2]
    return f"{words(request).t(f'type.{kind}')} {tail}" if words(request).has(f"type.{kind}") else tail


def unit_name(request: Request, code: str | None) -> str:
    """The name of a unit or organisation, the code itself when there is none of it, empty for nowhere."""
    if not code:
        return ""
    body = find_organisation(parts(request).hub, code) if is_organisation(code) else None
    if body is not None:
        return body.name_in(words(request).language)
    try:
        return str(parts(request).territory.unit(code).name_in(words(request).language))
    except Missing:
        return code


def who(request: Request, actor: str | None) -> str:
    """The name of who acted; a module of dothi is called by what it does."""
    if not actor:
        return ""
    bare = actor.split(":user:", 1)
    if len(bare) == 1 and actor.startswith("system:"):
        return words(request).t("operations.by_system")
    return display_name(parts(request).accounts, f"user:{bare[1]}" if len(bare) > 1 else actor)


def attribute_name(request: Request, attribute: str) -> str:
    """The name of an attribute on screens."""
    key = f"map.attribute.{attribute}"
    return words(request).t(key) if words(request).has(key) else attribute


def measured(
    request: Request, attribute: str, value: object, unit: str | None = None, decimals: int | None = None
) -> str:
    """A value with its unit as people read it; a dash where nothing was measured."""
    return " ".join(number_and_unit(request, attribute, value, unit, decimals)).rstrip()


def number_and_unit(
    request: Request, attribute: str, value: object, unit: str | None = None, decimals: int | None = None
) -> tuple[str, str]:
    """The same in two parts, so that the unit can stand smaller; `decimals` where values stand under each other."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "–", ""
    if attribute in SHARES and unit in (None, "C62"):
        return words(request).number(value * 100, 0), "%"
    usual = None if value == round(value) else 1
    return words(request).number(value, usual if decimals is None else decimals), unit_of(attribute, unit)


def drawn_in(attribute: str, unit: str | None) -> tuple[int, str]:
    """(factor, unit) of a chart's axis: a share of the whole is drawn in percent, as it is told."""
    return (100, "%") if attribute in SHARES and unit in (None, "C62") else (1, unit_of(attribute, unit))


def unit_of(attribute: str, unit: str | None) -> str:
    """The unit of an attribute as people write it: the one that came with the value, else the usual one."""
    code = unit or USUAL.get(attribute, "")
    return UNITS.get(code, code)


def reading(request: Request, kind: Kind, entity: Entity) -> tuple[str, int | None, bool]:
    """(text, observed at, old): the most telling value that this thing has."""
    for attribute in kind.attributes:
        value = entity.value(attribute)
        if isinstance(value, int | float) and not isinstance(value, bool):
            at = observed(entity, attribute)
            unit = (entity.instance(attribute) or {}).get("unitCode")
            text = f"{attribute_name(request, attribute)} {measured(request, attribute, value, unit, 1)}"
            return text, at, now_us() - at > OLD
    return "", None, bool(kind.attributes)


def short(request: Request, kind: Kind, entity: Entity) -> str:
    """The same value as a marker shows it: rounded, its unit only where the thing does not tell it."""
    for attribute in kind.attributes:
        value = entity.value(attribute)
        if isinstance(value, int | float) and not isinstance(value, bool):
            unit = (entity.instance(attribute) or {}).get("unitCode")
            number, measure = number_and_unit(request, attribute, value, unit, 0 if abs(value) >= 10 else 1)
            return number if measure == "µg/m³" else f"{number} {measure}".rstrip()
    return ""


def observed(entity: Entity, attribute: str) -> int:
    """When an attribute was measured (µs), else when it was written."""
    said = entity.observed_at(attribute)
    return from_iso(said) if said else entity.modified_at


def point(entity: Entity) -> tuple[float, float] | None:
    """(longitude, latitude) of an entity that stands at a point."""
    place = entity.value("location")
    if not isinstance(place, Mapping) or place.get("type") != "Point":
        return None
    lon, lat = place["coordinates"][:2]
    return float(lon), float(lat)


def feature(place: tuple[float, float], **properties: object) -> dict[str, object]:
    """One GeoJSON point as map.js wants it."""
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": list(place)}}


def collection(features: Iterable[dict[str, object] | None]) -> dict[str, object]:
    """GeoJSON of all features that there are."""
    return {"type": "FeatureCollection", "features": [one for one in features if one is not None]}


def start_of(request: Request, zoom: float = 9.6) -> tuple[float, float, float] | None:
    """Where a map of the city begins: amid its wards (communes, where it has none), else (None) the country."""
    province = parts(request).province
    communes = parts(request).territory.communes_of(province) if province else ()
    placed = [(unit.kind, unit.middle) for unit in communes if unit.middle]
    dense = [middle for kind, middle in placed if kind == Wards.WARD] or [middle for _, middle in placed]
    if not dense:
        return None
    return median(lon for lon, _ in dense), median(lat for _, lat in dense), zoom


def lasting(request: Request, seconds: float) -> str:
    """A span of time in its largest whole unit: 15 phút, 2 giờ, 1 ngày."""
    whole = round(seconds)
    for name, size in (("days", 86_400), ("hours", HOUR // 1_000_000), ("minutes", MINUTE // 1_000_000)):
        if whole >= size and whole % size == 0:
            return words(request).t(f"operations.span.{name}", n=whole // size)
    return words(request).t("operations.span.seconds", n=whole)


def entity_id(kind: str, given: str) -> str:
    """The URN that an address names: the URN itself, or what follows its type."""
    return given if given.startswith("urn:") else f"urn:ngsi-ld:{kind}:{given}"


def bare(identity: str) -> str:
    """The part of a URN that follows its type: short, for addresses."""
    return re.sub(r"^urn:ngsi-ld:[^:]+:", "", identity)
