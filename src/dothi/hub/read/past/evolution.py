"""The evolution of one entity (clauses 4.5.6 to 4.5.8): its log walked back, with what was erased, amended and ended.

An attribute that was deleted ends in an instance whose value is urn:ngsi-ld:null and which has deletedAt. The log does
not keep these: they are made of what was dropped, replaced as a whole or deleted, once the walk meets what stood
before. What is erased of a history leaves no end (clause 5.6.13.4).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zlib import crc32

from dothi.ground.clock import from_iso, iso, now_us
from dothi.hub.language.nodes import Window
from dothi.hub.language.time import in_window
from dothi.hub.model import VALUE_KEY, Entity, Instance, Logged, instance_value, instances
from dothi.hub.read.past.chain import chain
from dothi.hub.store.port import Head, LogRow, Store
from dothi.hub.write.apply import NULL
from dothi.hub.write.fading import expired

DELETED = "deletedAt"
SCOPE = "scope"
Key = tuple[str, str | None]  # Attribute and dataset.
Erased = frozenset[tuple[str, str]]  # (attribute, dataset); dataset "" is all of them.


class Told(NamedTuple):
    """One past instance, and when it counts (µs)."""

    at: int
    instance: Instance


Series = dict[str, list[Told]]


class Past(NamedTuple):
    """An entity as it stands (or stood last) and its instances by attribute, each in order of time."""

    entity: Entity
    series: Series


def read(store: Store, head: Head, names: Iterable[str], window: Window, strict: bool = True) -> Series | None:
    """Instances by attribute within the window, oldest first; None when the evolution was erased and none began since.

    Each carries createdAt and modifiedAt (when it was known) and instanceId. `strict`: only those with the window's
    attribute count; else one without it counts by when it was last changed. Ends are told where deletedAt is asked for.
    """
    wanted = frozenset(names)
    ends = window.attribute == DELETED
    since = window.start if window.rel in ("after", "between") and not ends else None
    walk = _Walk(ends, now_us())
    found: Series = {}
    told = False
    for row, entries in chain(store, head, since):
        for slot in range(len(entries) - 1, -1, -1):
            for name, instance in reversed(list(walk.back(row, slot, entries[slot]))):
                told = True
                if not wanted or name in wanted:
                    at = _moment(instance, window.attribute, strict)
                    if at is not None and in_window(window, at):
                        found.setdefault(name, []).append(Told(at, instance))
        if walk.over:
            return {name: told_once(pairs, window.last) for name, pairs in found.items()} if told else None
    return {name: told_once(pairs, window.last) for name, pairs in found.items()}


def begun(store: Store, head: Head) -> bool:
    """Whether something was written to an evolution since it was erased as a whole, if it ever was."""
    for _, entries in chain(store, head):
        for entry in reversed(entries):
            if "e" in entry.erased:
                return False
            if entry.late or not (entry.erased or entry.amended):
                return True
    return False


def _moment(instance: Instance, attribute: str, strict: bool) -> int | None:
    text = instance.get(attribute)
    if text is None and not strict:
        text = instance["modifiedAt"]
    return None if text is None else from_iso(text)


def told_once(pairs: list[Told], last: int | None) -> list[Told]:
    """In order of time, one for each (dataset, observedAt, value); of equal ones the first that was known."""
    pairs.reverse()  # The walk came newest first.
    pairs.sort(key=lambda pair: pair.at)
    seen: set[Any] = set()
    told: list[Told] = []
    for pair in pairs:
        instance = pair.instance
        observed = instance.get("observedAt")
        if observed is not None:
            key = (instance.get("datasetId"), observed, repr(instance_value(instance)))
            if key in seen:
                continue
            seen.add(key)
        told.append(pair)
    return told if last is None else told[-last:]


class _End(NamedTuple):
    """When something ended (µs), and what was erased of it later."""

    at: int
    erased: Erased


@dataclass(slots=True)
class _Walk:
    """What is known on the way back: erasures, corrections, and ends whose beginning is still to be met."""

    ends: bool
    now: int
    over: bool = False
    ids: set[str] = field(default_factory=set)
    erased: Erased = frozenset()
    amended: dict[str, tuple[Instance, str]] = field(default_factory=dict)
    one: dict[Key, _End] = field(default_factory=dict)  # Ends of one instance.
    every: dict[str, tuple[_End, set[Key]]] = field(default_factory=dict)  # Of an attribute, and those met.
    whole: _End | None = None  # Of all that stood before, and those met or standing on.
    met: set[Key] = field(default_factory=set)
    corrected: set[tuple[str, str | None, str]] = field(default_factory=set)  # (attribute, dataset, observedAt)

    def back(self, row: LogRow, slot: int, entry: Logged) -> Iterator[tuple[str, Instance]]:
        """The instances of one entry, and the ends of older ones that it begins."""
        if entry.erased or entry.amended:
            self._correct(entry, row)
        known = iso(row.at)
        start = f"urn:ngsi-ld:Instance:{row.seq}-{crc32(entry.id.encode()):08x}-{slot}-"
        for number, (name, instance, late) in enumerate(_written(entry, known)):
            if self.ends:
                yield from self._ended(name, instance, late, start + f"{number}-end")
            identity = instance.get("instanceId") or f"{start}{number}"
            if not (
                self.over
                or identity in self.ids
                or self._gone(name, instance, self.erased)
                or self._old(name, instance)
            ):
                stands, changed = self.amended.get(identity, (instance, known))
                yield name, {**stands, "createdAt": known, "modifiedAt": changed, "instanceId": identity}
        if entry.status == "recorded":
            self._note(entry)
        if self.ends:
            self._open(entry, row.at, known)

    def _note(self, entry: Logged) -> None:
        """What was written into a history takes the place of what was known before of the same moment (5.6.11)."""
        for name, attribute in entry.late.items():
            for one in instances(attribute):
                if "observedAt" in one:
                    self.corrected.add((name, one.get("datasetId"), one["observedAt"]))

    def _old(self, name: str, instance: Instance) -> bool:
        """Whether an instance has expired, or another was written in its place later."""
        if "expiresAt" in instance and expired(instance, self.now):
            return True
        observed = instance.get("observedAt")
        return bool(self.corrected) and (name, instance.get("datasetId"), observed) in self.corrected

    def _correct(self, entry: Logged, row: LogRow) -> None:
        for identity, instance in entry.amended.items():
            self.amended.setdefault(identity, (instance, iso(row.at)))
        for text in entry.erased:
            kind, _, rest = text.partition(" ")
            if kind == "e":
                self.over = True
            elif kind == "i":
                self.ids.add(rest)
            else:
                name, _, dataset = rest.partition(" ")
                self.erased |= {(name, dataset)}

    def _close(self, name: str, dataset: str, at: int) -> None:
        """Something ended: the instance of a dataset ("@none" for none), or with "" all of an attribute."""
        if dataset:
            self.one[name, None if dataset == "@none" else dataset] = _End(at, self.erased)
        else:
            self.every[name] = (_End(at, self.erased), set())

    def _open(self, entry: Logged, at: int, known: str) -> None:
        for gone in entry.dropped:
            name, space, dataset = gone.partition(" ")
            self._close(name, (dataset or "@none") if space else "", at)
        if entry.whole:
            self.whole = _End(at, self.erased)
            self.met = {(name, one.get("datasetId")) for name, one, late in _written(entry, known) if not late}
        elif entry.scope == ():
            self._close(SCOPE, "@none", at)

    def _ended(self, name: str, instance: Instance, late: bool, identity: str) -> Iterator[tuple[str, Instance]]:
        """The end of an instance that stood until then, if one is open."""
        key = (name, instance.get("datasetId"))
        end = self.one.pop(key, None)
        if end is None and name in self.every and key not in self.every[name][1]:
            end, met = self.every[name]
            met.add(key)
        if not late:
            if end is None and key not in self.met:
                end = self.whole
            self.met.add(key)
        hidden = self.over or (end is not None and self._gone(name, instance, end.erased))
        if end is not None and not hidden and not ("expiresAt" in instance and expired(instance, self.now)):
            yield name, _ending(instance, iso(end.at), identity)

    @staticmethod
    def _gone(name: str, instance: Instance, erased: Erased) -> bool:
        return bool(erased) and ((name, "") in erased or (name, instance.get("datasetId") or "@none") in erased)


def _written(entry: Logged, known: str) -> Iterator[tuple[str, Instance, bool]]:
    """(attribute, instance, whether it never stood as current) of one entry; the scope counts as an attribute."""
    for late, attrs in ((False, entry.attrs), (True, entry.late)):
        for name, attribute in attrs.items():
            for instance in instances(attribute):
                yield name, instance, late
    if entry.scope:
        value = entry.scope[0] if len(entry.scope) == 1 else list(entry.scope)
        yield SCOPE, {"type": "Property", "value": value, "observedAt": known}, False


def _ending(instance: Instance, at: str, identity: str) -> Instance:
    kind = instance.get("type", "Property")
    value: Any = {"@none": NULL} if kind == "LanguageProperty" else NULL
    end = {"type": kind, VALUE_KEY[kind]: value, "createdAt": at, "modifiedAt": at, DELETED: at, "instanceId": identity}
    return end | {"datasetId": instance["datasetId"]} if "datasetId" in instance else end
