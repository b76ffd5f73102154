"""The evolution of one entity (clauses 4.5.6 to 4.5.8): its log walked back, with what was erased, amended and ended.

An attribute that was deleted ends in an instance whose value is urn:ngsi-ld:null and which has deletedAt. The log does
not keep these: they are made of what was dropped, replaced as a whole or deleted, once the walk meets what stood
before. What is erased of a history leaves no end (clause 5.6.13.4).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from zlib import crc32

from dothi.ground.clock import from_iso, iso, now_us
from dothi.hub.language.nodes import Window
from dothi.hub.language.time import in_window
from dothi.hub.model import VALUE_KEY, Entity, Instance, Logged, instance_value, instances, is_told
from dothi.hub.read.past.chain import chain
from dothi.hub.store.port import Head, LogRow, Store
from dothi.hub.write.apply import NULL
from dothi.hub.write.fading import expired

DELETED = "deletedAt"
SCOPE = "scope"
Key = tuple[str, str | None]  # Attribute and dataset.
Erased = frozenset[tuple[str, str]]  # (attribute, dataset); dataset "" is all of them.


class Told:
    """One past instance, and when it counts (µs); what it says may be read from the log only when it is asked for."""

    __slots__ = ("_held", "at", "dataset")

    def __init__(self, at: int, dataset: str | None, held: Instance | Callable[[], Instance]) -> None:
        """`held`: the instance, or what reads it."""
        self.at = at
        self.dataset = dataset
        self._held = held

    @property
    def instance(self) -> Instance:
        """What was told."""
        if not isinstance(self._held, dict):
            self._held = self._held()
        return self._held


Series = dict[str, list[Told]]


class Past(NamedTuple):
    """An entity as it stands (or stood last) and its instances by attribute, each in order of time."""

    entity: Entity
    series: Series


class Step(NamedTuple):
    """One instance met on the walk as it was written, where in the log it stands, and when it last changed (µs)."""

    row: LogRow
    entity: str
    slot: int
    number: int  # -1: an end, which stands nowhere and carries its stamps.
    name: str
    instance: Instance
    changed: int

    def stamped(self) -> Instance:
        """The instance with createdAt, modifiedAt and instanceId."""
        if self.number < 0:
            return self.instance
        return stamped(self.instance, self.row, (self.entity, self.slot, self.number), self.changed)


def stamped(instance: Instance, row: LogRow, place: tuple[str, int, int], changed: int) -> Instance:
    """An instance with its stamps; `place`: entity, slot and number."""
    known = iso(row.at)
    return {
        **instance,
        "createdAt": known,
        "modifiedAt": known if changed == row.at else iso(changed),
        "instanceId": instance.get("instanceId") or identity(row.seq, *place),
    }


def identity(seq: int, entity: str, slot: int, number: int) -> str:
    """The name of an instance that was given none: the same after a city was moved."""
    return f"urn:ngsi-ld:Instance:{seq}-{crc32(entity.encode()):08x}-{slot}-{number}"


def walk(store: Store, head: Head, state: "Walk", since: int | None = None) -> Iterator[Step]:
    """Every instance that is still told, newest first; `state` knows afterwards whether the whole was erased."""
    for row, entries in chain(store, head, since):
        for slot in range(len(entries) - 1, -1, -1):
            yield from reversed(list(state.back(row, slot, entries[slot])))
        if state.over:
            return


def read(store: Store, head: Head, names: Iterable[str], window: Window, strict: bool = True) -> Series | None:
    """Instances by attribute within the window, oldest first; None when the evolution was erased and none began since.

    Each carries createdAt and modifiedAt (when it was known) and instanceId. `strict`: only those with the window's
    attribute count; else one without it counts by when it was last changed. Ends are told where deletedAt is asked for.
    """
    wanted = frozenset(names)
    ends = window.attribute == DELETED
    since = window.start if window.rel in ("after", "between") and not ends else None
    state = Walk(ends, now_us())
    found: Series = {}
    told = False
    for step in walk(store, head, state, since):
        told = True
        if not wanted or step.name in wanted:
            instance = step.stamped()
            at = _moment(instance, window.attribute, strict)
            if at is not None and in_window(window, at):
                found.setdefault(step.name, []).append(Told(at, instance.get("datasetId"), instance))
    if state.over and not told:
        return None
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
class Walk:
    """What is known on the way back: erasures, corrections, and ends whose beginning is still to be met."""

    ends: bool
    now: int
    over: bool = False
    fades: bool = False  # Whether an instance was met that expires by itself.
    ids: set[str] = field(default_factory=set)
    erased: Erased = frozenset()
    amended: dict[str, tuple[Instance, int]] = field(default_factory=dict)
    one: dict[Key, _End] = field(default_factory=dict)  # Ends of one instance.
    every: dict[str, tuple[_End, set[Key]]] = field(default_factory=dict)  # Of an attribute, and those met.
    whole: _End | None = None  # Of all that stood before, and those met or standing on.
    met: set[Key] = field(default_factory=set)
    corrected: set[tuple[str, str | None, str]] = field(default_factory=set)  # (attribute, dataset, observedAt)

    def back(self, row: LogRow, slot: int, entry: Logged) -> Iterator[Step]:
        """The instances of one entry, and the ends of older ones that it begins."""
        if entry.erased or entry.amended:
            self._correct(entry, row)
        for number, (name, instance, late) in enumerate(written(entry, row.at)):
            step = Step(row, entry.id, slot, number, name, instance, row.at)
            if self.ends:
                yield from self._ended(step, late)
            if self.ids or self.amended:
                found = instance.get("instanceId") or identity(row.seq, entry.id, slot, number)
                if found in self.ids:
                    continue
                if found in self.amended:
                    stands, changed = self.amended[found]
                    step = step._replace(instance={**stands, "instanceId": found}, changed=changed)
            if not (self.over or self._gone(name, instance, self.erased) or self._old(name, instance)):
                yield step
        if entry.status == "recorded":
            self._note(entry)
        if self.ends:
            self._open(entry, row.at)

    def _note(self, entry: Logged) -> None:
        """What was written into a history takes the place of what was known before of the same moment (5.6.11)."""
        for name, attribute in entry.late.items():
            for one in instances(attribute):
                if "observedAt" in one:
                    self.corrected.add((name, one.get("datasetId"), one["observedAt"]))

    def _old(self, name: str, instance: Instance) -> bool:
        """Whether an instance has expired, or another was written in its place later."""
        if "expiresAt" in instance:
            self.fades = True
            if expired(instance, self.now):
                return True
        observed = instance.get("observedAt")
        return bool(self.corrected) and (name, instance.get("datasetId"), observed) in self.corrected

    def _correct(self, entry: Logged, row: LogRow) -> None:
        for named, instance in entry.amended.items():
            self.amended.setdefault(named, (instance, row.at))
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

    def _open(self, entry: Logged, at: int) -> None:
        for gone in entry.dropped:
            name, space, dataset = gone.partition(" ")
            self._close(name, (dataset or "@none") if space else "", at)
        if entry.whole:
            self.whole = _End(at, self.erased)
            self.met = {(name, one.get("datasetId")) for name, one, late in written(entry, at) if not late}
        elif entry.scope == ():
            self._close(SCOPE, "@none", at)

    def _ended(self, step: Step, late: bool) -> Iterator[Step]:
        """The end of an instance that stood until then, if one is open."""
        name, instance = step.name, step.instance
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
            named = f"{identity(step.row.seq, step.entity, step.slot, step.number)}-end"
            yield step._replace(number=-1, instance=_ending(instance, iso(end.at), named), changed=end.at)

    @staticmethod
    def _gone(name: str, instance: Instance, erased: Erased) -> bool:
        return bool(erased) and ((name, "") in erased or (name, instance.get("datasetId") or "@none") in erased)


def written(entry: Logged, known: int) -> Iterator[tuple[str, Instance, bool]]:
    """(attribute, instance, whether it never stood as current) of one entry; the scope counts as an attribute."""
    for late, attrs in ((False, entry.attrs), (True, entry.late)):
        for name, attribute in attrs.items():
            for instance in instances(attribute):
                if not entry.gone or is_told(instance):
                    yield name, instance, late
    if entry.scope:
        value = entry.scope[0] if len(entry.scope) == 1 else list(entry.scope)
        yield SCOPE, {"type": "Property", "value": value, "observedAt": iso(known)}, False


def _ending(instance: Instance, at: str, named: str) -> Instance:
    kind = instance.get("type", "Property")
    value: Any = {"@none": NULL} if kind == "LanguageProperty" else NULL
    end = {"type": kind, VALUE_KEY[kind]: value, "createdAt": at, "modifiedAt": at, DELETED: at, "instanceId": named}
    return end | {"datasetId": instance["datasetId"]} if "datasetId" in instance else end
