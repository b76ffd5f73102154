"""Asking a source for temporal evolutions, and what it says as histories of ours (clauses 5.7.3 and 5.7.4)."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

from dothi.ground.clock import from_iso
from dothi.ground.errors import DothiError, Invalid
from dothi.hub.context import Names
from dothi.hub.language.nodes import Window
from dothi.hub.model import Attribute, Entity, Instance
from dothi.hub.peers.federate.ask.asking import MAP, PAGE, Asked, said
from dothi.hub.peers.federate.ask.forwarding import INVALID, REFUSED, Call, Caller, Line, ask, spoken, warning
from dothi.hub.peers.federate.ask.speaking import attributes, selection, window_parameters
from dothi.hub.peers.federate.matching import Match
from dothi.hub.read.past.evolution import Past, Series, Told
from dothi.hub.render.instance import read_instance
from dothi.hub.render.parse import read_entity
from dothi.hub.render.values import Reading, is_moment

PAST_ONE = ("retrieveTemporal", "queryTemporal")
PAST_MANY = ("queryTemporal",)
_HEAD = frozenset({"id", "type", "scope", "@context", "createdAt", "modifiedAt", "deletedAt", "expiresAt"})
_STAMPS = ("createdAt", "modifiedAt", "deletedAt")
_PARTIAL = 206


class ToldPast(NamedTuple):
    """The evolutions that one source told, each within what was registered."""

    match: Match
    pasts: tuple[Past, ...] = ()
    warnings: tuple[str, ...] = ()
    map_id: str | None = None


async def ask_past(
    line: Line, caller: Caller, match: Match, asked: Asked, window: Window, guarded: Collection[str]
) -> ToldPast:
    """Ask one source for the evolutions that match, in the window."""
    names = await spoken(line, caller, match.registration)
    reply = await ask(line, caller, match.registration, _call(match, asked, window, names), names)
    warnings = list(reply.warnings)
    if reply.status == _PARTIAL:
        warnings.append(warning(line, REFUSED, match.registration, "told only a part of the time asked for"))
    documents = reply.document if isinstance(reply.document, list) else [reply.document]
    found = []
    for document in documents if reply.good and reply.document is not None else ():
        try:
            past = past_of(document, reply.names, window.attribute)
        except DothiError as error:
            text = f"answered what is no temporal evolution: {error.detail}"
            warnings.append(warning(line, INVALID, match.registration, text))
            continue
        if past.entity.id in (asked.query.ids or (past.entity.id,)) and not set(past.entity.types) & set(guarded):
            found.append(_within(match, past))
    linked = reply.headers.get(MAP.lower()) if reply.good else None
    return ToldPast(match, tuple(found), tuple(dict.fromkeys(warnings)), linked)


def _call(match: Match, asked: Asked, window: Window, names: Names) -> Call:
    parameters = {"options": "sysAttrs"} | window_parameters(window)
    if match.registration.management.local_only:
        parameters["local"] = "true"
    parameters |= attributes(match, frozenset(() if asked.broad else asked.query.attrs), names)
    headers = {MAP: asked.map_id} if asked.map_id else {}
    if asked.one and match.registration.offers("retrieveTemporal"):
        if window.rel is None:
            parameters.pop("timeproperty")
        path = f"/temporal/entities/{quote(asked.query.ids[0], safe=':')}"
        return Call("GET", path, parameters, headers=headers)
    parameters |= selection(match, asked.query, names) | said(asked, names)
    if asked.mapped:
        parameters["entityMap"] = "true"
    return Call("GET", "/temporal/entities", parameters | {"limit": str(PAGE)}, headers=headers)


def past_of(document: Any, names: Names, time: str) -> Past:
    """An evolution as another hub renders it; instances in the order of `time`. Invalid when it is none."""
    if not isinstance(document, Mapping):
        raise Invalid("it is no object")
    kept = document.get("scope")
    head = {name: document[name] for name in ("id", "type") if name in document}
    if isinstance(kept, str | list) and not _are_instances(kept):
        head["scope"] = kept
    given = read_entity(head, Reading(names))
    series: Series = {}
    for name, value in document.items():
        if name == "scope" and _are_instances(kept):
            series["scope"] = [_told(dict(one), time) for one in document["scope"]]
        elif name not in _HEAD:
            listed = value if isinstance(value, list) else [value]
            series[names.inward(name)] = [_told(_instance(one, names, name), time) for one in listed]
    for listed in series.values():
        listed.sort(key=lambda told: told.at)
    created, modified = (_moment(document.get(stamp)) for stamp in ("createdAt", "modifiedAt"))
    # As the policy looks at it: each attribute as it was told last.
    attrs: dict[str, Attribute] = {name: listed[-1].instance for name, listed in series.items() if listed}
    return Past(Entity(given.id, given.types, attrs, given.scope or (), created, modified), series)


def _are_instances(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) for one in value)


def _instance(value: Any, names: Names, where: str) -> Instance:
    instance = read_instance(value, Reading(names, nulls=True), where)
    if isinstance(value, Mapping):
        instance |= {stamp: value[stamp] for stamp in _STAMPS if _moment(value.get(stamp))}
        if isinstance(value.get("instanceId"), str):
            instance["instanceId"] = value["instanceId"]
    return instance


def _told(instance: Instance, time: str) -> Told:
    moments = (_moment(instance.get(name)) for name in (time, "modifiedAt", "deletedAt", "observedAt"))
    return Told(next((moment for moment in moments if moment), 0), instance.get("datasetId"), instance)


def _moment(text: Any) -> int:
    return from_iso(text) if isinstance(text, str) and is_moment(text) else 0


def _within(match: Match, past: Past) -> Past:
    offered = match.attrs()
    if offered is None:
        return past
    return past._replace(series={name: one for name, one in past.series.items() if name in offered})
