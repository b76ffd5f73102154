"""From a CAP 1.2 message that came in to the bulletin that it is: its own level, its units, its validity."""

from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Invalid
from dothi.ground.text import fold
from dothi.hub.model import ABSENT
from dothi.operations.warnings.areas import shape_problem, touched
from dothi.operations.warnings.cap.message import Alert, Info
from dothi.operations.warnings.model import LEVELS, Bulletin, Circle, Shape, bulletin_id
from dothi.operations.warnings.rules import Rules
from dothi.territory import Territory
from dothi.territory.places import present_code

STATUS_DRILL = {"Actual": False, "Exercise": True}
TAKEN = ("Alert", "Update", "Cancel")
SHAPES_MAX, AREA_MAX = 20, 8000


def bulletin_in(territory: Territory, rules: Rules, alert: Alert, units: tuple[str, ...] = ()) -> Bulletin:
    """The bulletin that a checked message is; `units` hold where the message names none that is known here.

    Invalid when it is none for the public, or lacks what a bulletin needs.
    """
    if alert.status not in STATUS_DRILL or alert.scope != "Public" or alert.msg_type not in TAKEN:
        raise Invalid(
            f"A message with status {alert.status}, scope {alert.scope} and msgType {alert.msg_type} is no bulletin: "
            "status Actual or Exercise, scope Public and msgType Alert, Update or Cancel are."
        )
    info = next((one for one in alert.infos if one.language.lower().startswith("vi")), next(iter(alert.infos), None))
    return Bulletin(
        id=bulletin_id(alert.sender, alert.identifier),
        version=ABSENT,
        title=(info.headline or info.event) if info else alert.note,
        hazard=_hazard(rules, alert) if info else "",
        level=_level(rules, alert),
        sender=alert.sender,
        sender_name=info.sender_name if info else "",
        identifier=alert.identifier,
        sent=iso(from_iso(alert.sent)),
        kind=alert.msg_type,
        references=alert.references,
        effective=iso(from_iso((info.effective if info else "") or alert.sent)),
        expires=_expires(alert, info),
        units=_units(territory, info) or units,
        area=", ".join(area.desc for area in info.areas)[:AREA_MAX] if info else "",
        shapes=_shapes(info),
        state="",
        received_as="cap",
        drill=STATUS_DRILL[alert.status],
        headline=info.headline if info else "",
        description=info.description if info else "",
        instruction=info.instruction if info else "",
    )


def _hazard(rules: Rules, alert: Alert) -> str:
    """The hazard in force whose name or id the message says in any language, else ""."""
    said = {fold(one.event) for one in alert.infos} | {value for one in alert.infos for _, value in one.event_codes}
    for hazard in rules.hazards.values():
        if said & {hazard.id, *map(fold, hazard.name.values())}:
            return hazard.id
    return ""


def _level(rules: Rules, alert: Alert) -> int | None:
    """The legal level that the message itself says, never taken from its severity."""
    said = {value.strip() for one in alert.infos for name, value in one.parameters if name in rules.level_names_in}
    if not said:
        return None
    if len(said) > 1:
        raise Invalid("The file names several levels: enter one bulletin for each hazard by the form.", field="level")
    text = said.pop()
    if not text.isdecimal() or int(text) not in LEVELS:
        raise Invalid(f"“{text[:20]}” is no legal level: there are 1 to 5.", field="level")
    return int(text)


def _expires(alert: Alert, info: Info | None) -> str:
    if alert.msg_type == "Cancel":
        return iso(from_iso((info.expires if info else "") or alert.sent))
    ends = max((one.expires for one in alert.infos if one.expires), key=from_iso, default="")
    if not ends:
        raise Invalid("The file does not say until when it holds: enter it by the form.", field="expires")
    return iso(from_iso(ends))


def _units(territory: Territory, info: Info | None) -> tuple[str, ...]:
    """The units in force that the file's geocodes name, closed codes followed; else those under its outlines."""
    values = [value for area in info.areas for _, value in area.geocodes] if info else []
    coded = [
        found
        for value in values
        if value in territory.gazetteer.states and (found := present_code(territory.gazetteer, value))
    ]
    if coded:
        return tuple(dict.fromkeys(coded))
    return tuple(sorted(touched(territory, (), _shapes(info)).units))


def _shapes(info: Info | None) -> tuple[Shape, ...]:
    """The outlines of the file that a map here can show; the file itself keeps them all."""
    made: list[Shape] = []
    for area in info.areas if info else ():
        made += [Shape(area.desc, ring) for ring in area.polygons]
        made += [Shape(area.desc, circle=Circle(one.lon, one.lat, one.km)) for one in area.circles]
    return tuple(one for one in made if not shape_problem(one))[:SHAPES_MAX]
