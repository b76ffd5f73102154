"""Simplified documents to normalized fragments, by the attribute types that the entity has already (clause 5.6.17)."""

from typing import Any

from dothi.ground.errors import Invalid
from dothi.hub.model import VALUE_KEY, Attribute, Entity, Instance
from dothi.hub.render.instance import read_instance
from dothi.hub.render.parse import Given, read_fragment
from dothi.hub.render.values import NULL, NULL_WORDS, Reading, shown

_HEAD = frozenset({"id", "@id", "type", "@type", "scope", "expiresAt", "@context"})


def read_simplified(
    document: Any, reading: Reading, entity: Entity | None, common: tuple[str | None, str | None]
) -> Given:
    """A fragment in simplified form. `common` is (language of plain texts, observedAt of attributes that have one).

    The type of an attribute that `entity` has is kept; a new one is a Property, or a GeoProperty for a geometry.
    """
    if not isinstance(document, dict):
        raise Invalid(f"An entity must be a JSON object, not {shown(document)}.")
    head = read_fragment({name: value for name, value in document.items() if name in _HEAD}, reading)
    attrs: dict[str, Attribute] = {}
    for name, value in document.items():
        if name not in _HEAD:
            house = reading.names.inward(name)
            attrs[house] = _attribute(
                value, reading, entity.instance(house) if entity else None, common, f"attribute {name}"
            )
    return head._replace(attrs=attrs)


def _attribute(
    value: Any, reading: Reading, before: Instance | None, common: tuple[str | None, str | None], where: str
) -> Instance:
    language, moment = common
    kind = before["type"] if before is not None else None
    key = VALUE_KEY[kind] if kind else "value"
    if kind is None or kind == "GeoProperty":
        instance = _plain(value, reading, where)
    else:
        content = value[key] if isinstance(value, dict) and set(value) == {key} else value
        if kind == "LanguageProperty" and value == NULL:
            content = NULL_WORDS
        elif kind == "LanguageProperty" and isinstance(content, str | list):
            content = {language or "@none": content}
        instance = read_instance({"type": kind, key: content}, reading, where)
    if before is not None and moment is not None and "observedAt" in before:
        reading.moment(moment, "observedAt")
        instance["observedAt"] = moment
    return instance


def _plain(value: Any, reading: Reading, where: str) -> Instance:
    """A value as a Property, or a geometry as a GeoProperty, even where it looks like something else."""
    if isinstance(value, dict) and "coordinates" in value:
        return read_instance(value, reading, where)
    return read_instance({"type": "Property", "value": value}, reading, where)
