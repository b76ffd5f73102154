"""Histories to JSON documents: normalized instances and [value, time] pairs (GS CIM 009 clauses 4.5.6 to 4.5.9)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dothi.hub.model import VALUE_KEY, Entity, Instance
from dothi.hub.render.entity import head, one_or_all, render_instance, simplified_value
from dothi.hub.render.shape import Shape

History = Mapping[str, list[Instance]]
PLURAL = {  # Clause 4.5.9: what holds the pairs, by attribute type.
    "Property": "values",
    "GeoProperty": "values",
    "Relationship": "objects",
    "LanguageProperty": "languageMaps",
    "VocabProperty": "vocabs",
    "JsonProperty": "jsons",
    "ListProperty": "valueLists",
    "ListRelationship": "objectLists",
}
_STAMPS = ("createdAt", "modifiedAt")
_NO_SCOPE = frozenset({"scope"})  # As a member of the head: in a history it is an attribute (clause 4.5.6).


def temporal_head(entity: Entity, shape: Shape) -> dict[str, Any]:
    """Id, type and times of an evolution."""
    return head(entity, replace(shape, omit=shape.omit | _NO_SCOPE, form="normalized"))


def render_history(entity: Entity, history: History, shape: Shape) -> dict[str, Any]:
    """The temporal evolution of an entity, every instance in full (clauses 4.5.6 to 4.5.8)."""
    document = temporal_head(entity, shape)
    for name, listed in history.items():
        document[shape.names.outward(name)] = [_instance(one, shape) for one in listed]
    return document


def _instance(instance: Instance, shape: Shape) -> Instance:
    full = render_instance(instance, shape)
    if "deletedAt" in instance:
        full["deletedAt"] = instance["deletedAt"]
    full["instanceId"] = instance["instanceId"]
    if shape.sys_attrs:
        full |= {stamp: instance[stamp] for stamp in _STAMPS if stamp in instance}
    return full


def render_pairs(
    entity: Entity, history: History, shape: Shape, time: str, known: History | None = None
) -> dict[str, Any]:
    """The simplified temporal form (clause 4.5.9): for each attribute its [value, time] pairs.

    `time` is the temporal property asked for; an instance without it shows when it was last changed. `known` is the
    whole of which `history` is a part: a series of which nothing lies in this part comes without pairs.
    """
    document = temporal_head(entity, shape)
    for name, whole in (known or history).items():
        parts = by_series(history.get(name, []))
        series = [
            _pairs(kind, dataset, parts.get((kind, dataset), []), shape, time) for kind, dataset in by_series(whole)
        ]
        document[shape.names.outward(name)] = one_or_all(series)
    return document


def by_series(listed: list[Instance]) -> dict[tuple[str, str | None], list[Instance]]:
    """Instances apart by type and dataset, each in order."""
    series: dict[tuple[str, str | None], list[Instance]] = {}
    for one in listed:
        series.setdefault((one.get("type", "Property"), one.get("datasetId")), []).append(one)
    return series


def time_of(instance: Instance, time: str) -> str:
    """When an instance counts, ISO 8601: the asked property, else when it ended or was known."""
    moments = (instance.get(name) for name in (time, "deletedAt", "modifiedAt", "createdAt"))
    return str(next((moment for moment in moments if moment), ""))


def _pairs(kind: str, dataset: str | None, listed: list[Instance], shape: Shape, time: str) -> dict[str, Any]:
    if shape.languages is not None and kind == "LanguageProperty":
        kind = "Property"  # Each map is narrowed to one word (clause 4.15).
    pairs = [[simplified_value(one, shape), time_of(one, time)] for one in listed]
    series: dict[str, Any] = {"type": kind, PLURAL[kind]: pairs}
    if dataset is not None:
        series["datasetId"] = dataset
    return series


def values_of(listed: list[Instance]) -> list[Any]:
    """The bare values of instances, for computing with them."""
    return [one.get(VALUE_KEY[one.get("type", "Property")]) for one in listed]
