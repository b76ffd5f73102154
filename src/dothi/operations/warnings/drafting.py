"""From what somebody writes to the warning that it means, and to the attributes that its entity holds."""

from dataclasses import asdict, astuple, replace

from dothi.accounts.policy import roles_of
from dothi.ground.clock import SECOND, from_iso, iso
from dothi.ground.errors import Forbidden, Invalid
from dothi.ground.ids import urn
from dothi.ground.text import nfc
from dothi.hub.model import ABSENT, Actor, Attribute, geo, json_prop, prop
from dothi.operations.model import Operations
from dothi.operations.warnings.areas import area_words, check_area, home_of, location, touched
from dothi.operations.warnings.model import (
    LANGUAGES,
    TYPE,
    Certainty,
    Draft,
    Info,
    Kind,
    Severity,
    State,
    Urgency,
    Warning,
    shape_dict,
)
from dothi.operations.warnings.rules import rules_at
from dothi.operations.warnings.workflow import WRITERS
from dothi.territory import Territory

TEXT_MOST = 4000


def preview(operations: Operations, actor: Actor, draft: Draft, kind: Kind = Kind.ALERT) -> Warning:
    """The warning that a draft would be, without writing anything: for what its writer is shown meanwhile."""
    demand_writer(actor)
    return drafted(operations, actor, draft, urn(TYPE, "preview"), kind)


def demand_writer(actor: Actor) -> None:
    """Raise Forbidden unless `actor` is a person who may write warnings."""
    if not roles_of(actor) & WRITERS:
        raise Forbidden(f"Only {' or '.join(sorted(WRITERS))} may write a warning.")


def drafted(operations: Operations, actor: Actor, draft: Draft, name: str, kind: Kind) -> Warning:
    """The warning that a draft means, checked where it would be no warning at all."""
    draft = replace(draft, shapes=tuple(replace(one, name=nfc(one.name).strip()) for one in draft.shapes))
    check_area(operations.territory, draft.units, draft.shapes)
    ground = touched(operations.territory, draft.units, draft.shapes)
    unit = draft.unit or (home_of(operations.territory, ground) if ground.units else home(actor))
    rules = rules_at(operations, unit)
    hazard = rules.hazard(draft.hazard)
    info = {language: _clean(one) for language, one in draft.info.items() if language in LANGUAGES}
    return Warning(
        id=name,
        version=ABSENT,
        thread=name,
        kind=kind,
        state=State.DRAFT,
        title=info.get("vi", Info()).headline or hazard.name["vi"],
        hazard=hazard.id,
        event=hazard.name,
        severity=draft.severity if draft.severity is not Severity.UNKNOWN else hazard.severity,
        urgency=draft.urgency if draft.urgency is not Urgency.UNKNOWN else hazard.urgency,
        certainty=draft.certainty if draft.certainty is not Certainty.UNKNOWN else hazard.certainty,
        info=info,
        units=tuple(dict.fromkeys(draft.units)),
        shapes=draft.shapes,
        area=area_words(operations.territory, draft.units, draft.shapes),
        effective=_instant(draft.effective, "effective"),
        expires=_instant(draft.expires, "expires"),
        incident=draft.incident,
        bulletin=draft.bulletin,
        written_by=actor.id,
        editors=(actor.id,),
        drill=draft.drill,
        unit=unit,
        assignee=unit,
    )


def _clean(info: Info) -> Info:
    for text in astuple(info):
        if len(text) > TEXT_MOST:
            raise Invalid(f"A text has up to {TEXT_MOST} letters.", field="info")
    return Info(*(nfc(text).replace("\r\n", "\n").replace("\r", "\n").strip() for text in astuple(info)))


def _instant(text: str, name: str) -> str:
    try:
        return iso(from_iso(text) // SECOND * SECOND) if text else ""
    except (ValueError, OverflowError) as cause:
        raise Invalid(f"“{text[:40]}” is no instant; write it as 2026-12-31T18:30:00+07:00.", field=name) from cause


def home(actor: Actor) -> str:
    """The unit of what has no area yet: the actor's own, the widest of several."""
    return min(actor.areas, key=lambda code: (len(code), code), default="")


def attributes(territory: Territory, made: Warning) -> dict[str, Attribute]:
    """The attributes of what was written; not where it stands."""
    attrs: dict[str, Attribute] = {
        "title": prop(made.title),
        "hazard": prop(made.hazard),
        "event": json_prop(dict(made.event)),
        "severity": prop(made.severity.value),
        "urgency": prop(made.urgency.value),
        "certainty": prop(made.certainty.value),
        "info": json_prop({language: asdict(one) for language, one in made.info.items()}),
        "units": prop(list(made.units)),
        "areas": json_prop([shape_dict(one) for one in made.shapes]),
        "areaName": json_prop(dict(made.area)),
        "effective": prop(made.effective),
        "expires": prop(made.expires),
        "bulletin": prop(made.bulletin),
        "unit": prop(made.unit),
    }
    place = location(territory, made.units, made.shapes)
    return attrs | ({"location": geo(place)} if place else {})
