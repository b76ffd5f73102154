"""HTTP for the territory: units, the communes of a province, the unit of a place, the outlines of the country map."""

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from dothi.territory.gazetteer import SEARCH_MAX, TERM_MAX
from dothi.territory.model import Candidate, Resolution, Unit
from dothi.territory.territory import START_VIEW, Territory

Level = Literal["province", "district", "commune"]
Code = Annotated[str, Path(pattern="^([0-9]{2,3}|[0-9]{5})$", description="2 digits a province, 5 a commune.")]
Day = Annotated[date | None, Query(description="As things stood on this day in Vietnam; today when left out.")]
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"description": "No unit had this code on that day."}}
OUTLINES_MAX_AGE_S = 3600


class _Shown(BaseModel):
    """An answer; its members are named in camelCase as in NGSI-LD."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class ShownUnit(_Shown):
    """A unit as it stood from `validFrom` to `validTo`, its last day; `lon` and `lat` are its middle."""

    code: str
    level: Level
    kind: str
    name: str
    short: str
    name_en: str
    parent: str | None
    lon: float | None
    lat: float | None
    area_km2: float | None
    valid_from: date | None
    valid_to: date | None
    source: str


class ShownDetail(ShownUnit):
    """A unit with all above it, what it was made of, and what took its place (itself while it is in force)."""

    chain: list[ShownUnit]
    predecessors: list[ShownUnit]
    successors: list[ShownUnit]


class ShownCandidate(_Shown):
    """A commune that a place may lie in."""

    unit: ShownUnit
    distance_m: float


class ShownResolution(_Shown):
    """Which commune a place lies in; unless `exact`, a person has to confirm it before anything is routed."""

    unit: ShownUnit | None
    exact: bool
    distance_m: float | None
    alternatives: list[ShownCandidate]


class ShownUnits(_Shown):
    """Units found, best first or in order of code."""

    units: list[ShownUnit]


def router(territory: Territory) -> APIRouter:
    """The routes, to be mounted under /api by app.py."""
    routes = APIRouter(tags=["territory"])

    @routes.get("/units", summary="Find units by name or code; the provinces when nothing is asked")
    def units(
        q: Annotated[str, Query(max_length=TERM_MAX)] = "",
        at: Day = None,
        level: Level | None = None,
        closed: bool = False,
        limit: Annotated[int, Query(ge=1, le=SEARCH_MAX)] = 50,
    ) -> ShownUnits:
        return _units(territory.search(q, at, limit, level, closed))

    @routes.get("/units/{code}", summary="One unit and its relations", responses=NOT_FOUND)
    def unit(code: Code, at: Day = None) -> ShownDetail:
        found = territory.unit(code, at)
        return ShownDetail(
            **_fields(found),
            chain=_list(territory.chain(code, at)),
            predecessors=_list(territory.predecessors(code, at)),
            successors=_list(territory.successors(code) if found.valid_to else (found,)),
        )

    @routes.get("/units/{code}/communes", summary="The communes of a province", responses=NOT_FOUND)
    def communes(code: Code, at: Day = None) -> ShownUnits:
        return _units(territory.communes_of(code, at))

    @routes.get("/resolve", summary="The commune of a place")
    def resolve(
        lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False)],
        lat: Annotated[float, Query(ge=-90, le=90, allow_inf_nan=False)],
    ) -> ShownResolution:
        return _resolution(territory.resolve(lon, lat))

    @routes.get("/outlines", summary="The country map: GeoJSON of provinces and archipelagos", response_class=Response)
    def outlines(if_none_match: Annotated[str | None, Header()] = None) -> Response:
        return _outlines(territory, if_none_match)

    return routes


def _outlines(territory: Territory, if_none_match: str | None) -> Response:
    tag = f'"{territory.outlines_tag}"'
    view = ",".join(map(str, START_VIEW))
    headers = {"ETag": tag, "Cache-Control": f"public, max-age={OUTLINES_MAX_AGE_S}", "X-Start-View": view}
    known = {one.strip().removeprefix("W/") for one in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(territory.outlines, media_type="application/geo+json", headers=headers)


def _fields(unit: Unit) -> dict[str, Any]:
    stored = {name: getattr(unit, name) for name in unit.__struct_fields__}
    return stored | {"kind": unit.kind.value, "level": unit.level, "short": unit.short}


def _unit(unit: Unit) -> ShownUnit:
    return ShownUnit(**_fields(unit))


def _list(units: tuple[Unit, ...] | list[Unit]) -> list[ShownUnit]:
    return [_unit(unit) for unit in units]


def _units(units: tuple[Unit, ...] | list[Unit]) -> ShownUnits:
    return ShownUnits(units=_list(units))


def _candidate(candidate: Candidate) -> ShownCandidate:
    return ShownCandidate(unit=_unit(candidate.unit), distance_m=candidate.distance_m)


def _resolution(found: Resolution) -> ShownResolution:
    return ShownResolution(
        unit=_unit(found.unit) if found.unit else None,
        exact=found.exact,
        distance_m=found.distance_m,
        alternatives=[_candidate(one) for one in found.alternatives],
    )
