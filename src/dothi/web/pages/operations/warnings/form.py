"""The form of a warning: its fields as they were typed, the draft that they mean, and what is wrong with them."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from starlette.datastructures import FormData
from starlette.requests import Request

from dothi.ground.clock import HOUR, MINUTE, VIETNAM, from_datetime, from_iso, iso, now_us, to_datetime
from dothi.ground.errors import DothiError, Invalid, Missing
from dothi.operations.warnings.areas import area_words, reach_of, shape_from_text, shape_text
from dothi.operations.warnings.bulletins import bulletins
from dothi.operations.warnings.model import (
    LANGUAGES,
    Certainty,
    Draft,
    Info,
    Kind,
    Severity,
    Shape,
    Urgency,
    Warning,
)
from dothi.operations.warnings.rules import Hazard, Rules, rules_at, worded
from dothi.operations.warnings.text import fewer_places
from dothi.territory.model import Unit
from dothi.web.page import visit, words
from dothi.web.pages.shown import entity_id
from dothi.web.parts import parts

BLANK = "…"  # Stands for the area until it is chosen.
TEXTS = tuple(f"{part}_{language}" for language in LANGUAGES for part in ("headline", "description", "instruction"))
PLAIN = ("hazard", "bulletin", "incident", "shapes", "severity", "urgency", "certainty", "expires", *TEXTS)
HIDDEN = ("follows", "kind", "draft", "version")
FIVE = 5 * MINUTE
COMMUNE_DIGITS = 5
_NAME_FIRST = re.compile(r"^[^\d\s+-]")


@dataclass(frozen=True)
class Typed:
    """What stands in the form."""

    values: Mapping[str, str]
    units: tuple[str, ...]
    drill: bool

    @property
    def kind(self) -> Kind:
        """What the message does to those before it."""
        return Kind(self.values["kind"]) if self.values["kind"] in list(Kind) else Kind.ALERT


def typed(form: FormData) -> Typed:
    """The fields of a form that was sent."""
    values = {name: str(form.get(name, ""))[:8000] for name in (*PLAIN, *HIDDEN)}
    return Typed(values, tuple(str(one) for one in form.getlist("units")), form.get("drill") == "yes")


def filled(request: Request, one: Typed) -> Typed:
    """The same with the blank of the sample texts replaced by the area, once there is one."""
    try:
        area = area_words(parts(request).territory, one.units, shapes_of(one.values["shapes"]))
    except DothiError:
        return one
    texts = {
        name: one.values[name].replace(BLANK, fewer_places(area[name[-2:]], name[-2:])) if area[name[-2:]] else ""
        for name in TEXTS
    }
    return replace(one, values={**one.values, **{name: text for name, text in texts.items() if text}})


def asked_of(request: Request) -> dict[str, str]:
    """What the address asks for; an incident brings its kind, its commune and that it is a drill."""
    names = ("hazard", "incident", "bulletin", "units", "drill")
    asked = {name: request.query_params.get(name, "")[:200] for name in names}
    for name, kind in (("incident", "Incident"), ("bulletin", "Bulletin")):
        asked[name] = entity_id(kind, asked[name]) if asked[name] else ""
    if asked["incident"]:
        found = parts(request).hub.get(visit(request).actor, asked["incident"])
        unit = str(found.value("unit", ""))
        asked["hazard"] = asked["hazard"] or str(found.value("kind", ""))
        asked["units"] = asked["units"] or (unit if len(unit) == COMMUNE_DIGITS else "")
        asked["drill"] = "yes" if found.value("drill", False) else asked["drill"]
    return asked


def fresh(request: Request, hazard: Hazard, rules: Rules, asked: Mapping[str, str], now: int | None = None) -> Typed:
    """The form of a new warning: sample texts of its hazard, codes and an end that the rules propose."""
    at = now_us() if now is None else now
    units = _own_commune(request) or tuple(code for code in asked.get("units", "").split(",") if _known(request, code))
    area = area_words(parts(request).territory, units, ()) if units else {}
    values = dict.fromkeys((*PLAIN, *HIDDEN), "") | _texts(worded(rules, hazard, area))
    values |= {"hazard": hazard.id, "severity": hazard.severity, "urgency": hazard.urgency}
    values |= {"certainty": hazard.certainty, "expires": _local(at + round(hazard.hours * HOUR)), "kind": Kind.ALERT}
    values |= {name: asked.get(name, "") for name in ("incident", "bulletin")}
    return Typed(values, units, asked.get("drill") == "yes")


def of_warning(one: Warning) -> Typed:
    """The form of a draft that stands."""
    values = dict.fromkeys((*PLAIN, *HIDDEN), "") | _texts(one.info)
    values |= {"hazard": one.hazard, "bulletin": one.bulletin, "incident": one.incident, "kind": one.kind}
    values |= {"severity": one.severity, "urgency": one.urgency, "certainty": one.certainty}
    values |= {"shapes": _shapes_text(one.shapes), "expires": _local(from_iso(one.expires)) if one.expires else ""}
    values |= {"draft": one.id, "version": str(one.version), "follows": one.follows}
    return Typed(values, one.units, one.drill)


def next_of(one: Warning, kind: Kind, rules: Rules, now: int | None = None) -> Typed:
    """The form of the next message: the same area; an update begins with the texts, an end with its sample."""
    at, hazard = now_us() if now is None else now, rules.hazard(one.hazard)
    area = {language: fewer_places(words, language) for language, words in one.area.items()}
    ending = rules.endings.get(kind)
    hours = ending.hours if ending else hazard.hours
    texts = _texts(worded(rules, hazard, area, kind) if ending else one.info)
    began = of_warning(one)
    more = {"kind": kind, "follows": one.id, "draft": "", "version": "", "expires": _local(at + round(hours * HOUR))}
    return replace(began, values={**began.values, **texts, **more})


def _texts(info: Mapping[str, Info]) -> dict[str, str]:
    return {name: str(getattr(info.get(name[-2:], Info()), name[:-3])) for name in TEXTS}


def draft_of(one: Typed) -> Draft:
    """The draft that the form means. Invalid names the field."""
    said = one.values
    return Draft(
        hazard=said["hazard"],
        info={
            language: Info(*(said[f"{part}_{language}"] for part in ("headline", "description", "instruction")))
            for language in LANGUAGES
        },
        units=one.units,
        shapes=shapes_of(said["shapes"]),
        severity=Severity(_code(Severity, said["severity"])),
        urgency=Urgency(_code(Urgency, said["urgency"])),
        certainty=Certainty(_code(Certainty, said["certainty"])),
        expires=_instant(said["expires"]),
        incident=said["incident"],
        bulletin=said["bulletin"],
        drill=one.drill,
    )


def _code(known: Iterable[str], text: str) -> str:
    return text if text in set(known) else "Unknown"


def shapes_of(text: str) -> tuple[Shape, ...]:
    """The drawn parts of a text: blocks with a blank line between them, a name first where it begins with a letter."""
    blocks = [block for block in re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip()) if block.strip()]
    return tuple(_shape(block) for block in blocks)


def _shape(block: str) -> Shape:
    first, _, rest = block.strip().partition("\n")
    return shape_from_text(rest, first.strip()) if _NAME_FIRST.match(first) else shape_from_text(block)


def _shapes_text(shapes: tuple[Shape, ...]) -> str:
    return "\n\n".join(f"{one.name}\n{shape_text(one)}" if one.name else shape_text(one) for one in shapes)


def _instant(text: str) -> str:
    """The instant of a field of day and time, which is in Vietnam's time."""
    if not text:
        return ""
    try:
        return iso(from_datetime(datetime.fromisoformat(text).replace(tzinfo=VIETNAM)))
    except (ValueError, OverflowError) as cause:
        raise Invalid(f"“{text[:30]}” is no day and time.", field="expires") from cause


def _local(instant: int) -> str:
    """The field's text of an instant, up to full five minutes."""
    return f"{to_datetime(-(-instant // FIVE) * FIVE).astimezone(VIETNAM):%Y-%m-%dT%H:%M}"


def unit_choices(request: Request) -> list[tuple[str, str]]:
    """The units that this person may warn: the province first where all of it is theirs, then the communes."""
    here, language = parts(request), words(request).language
    reach = reach_of(here.territory, visit(request).actor)
    provinces = _provinces(request)
    found: list[Unit] = [one for one in provinces if reach is None or one.code in reach]
    for province in provinces:
        communes = sorted(here.territory.communes_of(province.code), key=lambda one: one.short)
        found += [one for one in communes if reach is None or one.code in reach]
    return [(one.code, one.name_in(language)) for one in found]


def _provinces(request: Request) -> list[Unit]:
    here, areas = parts(request), visit(request).actor.areas
    codes = {
        code[:2] if len(code) == 2 else here.territory.province_of(code).code for code in areas if _known(request, code)
    }
    if not codes and here.province:
        codes = {here.province}
    return [here.territory.unit(code) for code in sorted(codes)]


def _known(request: Request, code: str) -> bool:
    try:
        return parts(request).territory.knows(code)
    except Missing:
        return False


def _own_commune(request: Request) -> tuple[str, ...]:
    areas = tuple(visit(request).actor.areas)
    return areas if len(areas) == 1 and len(areas[0]) == COMMUNE_DIGITS else ()


def bulletin_choices(request: Request, hazard: Hazard) -> list[tuple[str, str]]:
    """The bulletins in force for a hazard, and none."""
    t = words(request).t
    found = bulletins(parts(request).operations, visit(request).actor) if hazard.natural else []
    rows = [
        (one.id, one.title + (f" – {t('warnings.level', n=one.level)}" if one.level else ""))
        for one in found
        if one.hazard in ("", hazard.id)
    ]
    return [("", t("warnings.form.no_bulletin")), *rows]


def rules_here(request: Request, unit: str = "") -> Rules:
    """The rules in force where this person works."""
    areas = sorted(visit(request).actor.areas, key=len)
    return rules_at(parts(request).operations, unit or (areas[0] if areas else parts(request).province) or None)
