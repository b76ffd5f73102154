"""“Already reported”: open reports of the same matter nearby, and answered ones that it may have come back from."""

from dataclasses import dataclass

from dothi.citizens.model import TYPE, State, report_of
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.reading import ROUNDED, PublicReport, public_report
from dothi.citizens.rules.intake.nearby import NearbyRules
from dothi.ground.clock import from_iso, iso
from dothi.ground.geometry import haversine_m
from dothi.hub.language.nodes import And, Compare, Condition, Geo, Or, Query, TypeIs

MARGIN_M = 200.0  # What rounding may move two places apart.
LOOKED_AT = 300


@dataclass(frozen=True, slots=True)
class Matter:
    """What somebody is about to report: a place or a commune, and the words (folded when compared)."""

    category: str
    text: str
    unit: str = ""
    lon: float | None = None
    lat: float | None = None


@dataclass(frozen=True, slots=True)
class Near:
    """A report of what seems the same matter; `metres` between public places, None where words told."""

    report: PublicReport
    metres: float | None
    answered: bool
    followers: int


def nearby(citizens: Citizens, rules: NearbyRules, matter: Matter, now: int) -> tuple[Near, ...]:
    """Open reports first, then answered ones, nearest first; not more than the rules say.

    Distances are between public places, so that asking again and again tells nobody more than the public page does.
    """
    found = [*_by_place(citizens, rules, matter, now), *_by_words(citizens, rules, matter, now)]
    first = {one.report.id: one for one in reversed(found)}.values()
    ranked = sorted(first, key=lambda one: (one.answered, one.metres is None, one.metres or 0.0, one.report.filed_at))
    return tuple(ranked[: rules.most])


def _by_place(citizens: Citizens, rules: NearbyRules, matter: Matter, now: int) -> list[Near]:
    if matter.lon is None or matter.lat is None:
        return []
    here = (round(matter.lon, ROUNDED), round(matter.lat, ROUNDED))
    around = Geo("near", {"type": "Point", "coordinates": list(here)}, max_distance=rules.radius_m + MARGIN_M)
    found = []
    for one in _asked(citizens, rules, matter, now, (), around):
        place = one.report.place
        metres = haversine_m(*here, *place) if place else None
        if metres is not None and metres <= rules.radius_m:
            found.append(Near(one.report, metres, one.answered, one.followers))
    return found


def _by_words(citizens: Citizens, rules: NearbyRules, matter: Matter, now: int) -> list[Near]:
    """Reports of the same commune in like words, where one of the two has no point to measure from."""
    if not matter.unit:
        return []
    pointed = matter.lon is not None
    listed = _asked(citizens, rules, matter, now, (Compare(("unit",), "==", matter.unit),), None)
    return [one for one in listed if rules.alike(one.text, matter.text) and not (pointed and one.report.place)]


@dataclass(frozen=True, slots=True)
class _Found(Near):
    text: str = ""


def _asked(
    citizens: Citizens, rules: NearbyRules, matter: Matter, now: int, terms: tuple[Condition, ...], geo: Geo | None
) -> list[_Found]:
    fresh = Compare(("closedAt",), ">=", iso(now - rules.answered_us))
    still = Or((Compare(("open",), "==", True), fresh))
    asked = And((Compare(("category",), "==", matter.category), still, *terms))
    page = citizens.hub.query(SYSTEM, Query(TypeIs(TYPE), q=asked, geo=geo, limit=LOOKED_AT, order=("-filedAt",)))
    found = []
    for entity in page:
        one = report_of(entity)
        if one.imported or from_iso(one.filed_at) > now:
            continue
        text, followers = f"{one.description} {one.place_words}", int(entity.value("followers", 0))
        found.append(_Found(public_report(one), None, one.state is State.ANSWERED, followers, text))
    return found
