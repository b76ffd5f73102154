"""Readings of one attribute of one entity in a period, remembered so that only what is new is read again."""

from dataclasses import dataclass, field
from typing import NamedTuple

from dothi.ground.clock import from_iso
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Window
from dothi.hub.model import Actor, Entity, Instance, instance_value

KEPT_MAX = 5000


class Reading(NamedTuple):
    """One value, when it held and when it became known (µs), and which line of the log says so."""

    value: float
    observed: int
    known: int
    instance: str


@dataclass
class _Kept:
    version: int
    start: int
    end: int
    known: int = 0
    readings: dict[tuple[str, int], Reading] = field(default_factory=dict)


class Series:
    """Readings by entity and attribute, of the period asked for last; everything can be read again from the hub."""

    def __init__(self) -> None:
        """Nothing is remembered yet."""
        self._kept: dict[tuple[str, str, int], _Kept] = {}

    def read(self, hub: Hub, actor: Actor, entity: Entity, attribute: str, start: int, end: int) -> tuple[Reading, ...]:
        """Numbers observed in [start, end), oldest first; of several for one instant the one known last counts."""
        key = (entity.id, attribute, start)
        kept = self._kept.get(key)
        if kept is None or kept.end != end:
            if len(self._kept) >= KEPT_MAX:
                self._kept.clear()
            kept = self._kept[key] = _Kept(0, start, end)
        if kept.version != entity.version:
            window = Window("between", start, end)
            if kept.version:
                window = Window("after", kept.known, attribute="modifiedAt")
            history = hub.history(actor, entity.id, (attribute,), window)
            for instance in sorted(history.get(attribute, ()), key=lambda one: str(one["modifiedAt"])):
                _add(kept, instance)
            kept.version, kept.known = entity.version, max(kept.known, entity.modified_at)
        return tuple(sorted(kept.readings.values(), key=lambda one: one.observed))


def _add(kept: _Kept, instance: Instance) -> None:
    value, text = instance_value(instance), instance.get("observedAt")
    if text is None or isinstance(value, bool) or not isinstance(value, int | float):
        return
    observed = from_iso(text)
    if kept.start <= observed < kept.end:
        place = (instance.get("datasetId", ""), observed)
        kept.readings[place] = Reading(value, observed, from_iso(instance["modifiedAt"]), instance["instanceId"])
