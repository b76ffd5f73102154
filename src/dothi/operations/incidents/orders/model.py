"""The nouns of orders: what a unit is told to do, the steps it took, what is said to give one or to move one."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dothi.ground.clock import from_iso, iso
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.model import Entity, system
from dothi.office.photos import Upload
from dothi.operations.model import Priority

TYPE = "Order"
SYSTEM = system("operations")
LINK = "link"  # The role of who holds the signed link of an order: no account.
INDEXED: Mapping[str, tuple[str, ...]] = {
    TYPE: ("open", "state", "incident", "due", "assignee", "orderedTo", "unit", "escalatedTo", "issuedAt", "drill"),
}
TITLE_LETTERS, WORDS_LETTERS = 200, 4_000
UNITS_MAX, FILES_MAX = 40, 5


class State(StrEnum):
    """Where an order stands. That it is late is a clock, no state."""

    ISSUED = "issued"
    RECEIVED = "received"
    ARRIVED = "arrived"
    DONE = "done"
    REFUSED = "refused"  # Its commander decides: another unit, or none.
    WITHDRAWN = "withdrawn"


class Clock(StrEnum):
    """The three limits of an order, in the order in which they are met."""

    RECEIVE = "receive"
    ARRIVE = "arrive"
    FINISH = "finish"


class IllegalMove(Conflict):
    """The order is not in a state in which this can be done."""


class Overtaken(Conflict):
    """Somebody else was faster: the order has changed since you saw it. Look at it again."""


class NotYours(Forbidden):
    """Only the ordered unit, or who directs the incident, may do this with the order."""


class NoSuchOrder(Missing):
    """There is no such order, or you may not see it."""


class NoProof(Invalid):
    """This kind of order asks for a photo of the result."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done with an order. Instants in µs."""

    verb: str
    at: int  # When the centre knew.
    by: str  # "user:…", or "link:<code>" for who held the order's link.
    typed: int | None = None  # When it was typed, where that was before: the line was cut.
    words: str = ""
    key: str = ""  # Makes a repeat harmless.

    @property
    def done(self) -> int:
        """When it was done: when it was typed, if the device was offline then."""
        return self.at if self.typed is None else self.typed

    def as_json(self) -> dict[str, str]:
        """The step as the entity holds it."""
        said = {"verb": self.verb, "at": iso(self.at), "by": self.by, "words": self.words, "key": self.key}
        if self.typed is not None:
            said["typedAt"] = iso(self.typed)
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True, slots=True)
class Told:
    """That a late order was brought before others: by which rule, when (ISO 8601), before whom (codes)."""

    step: str
    at: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it stands. Deadlines and instants are ISO 8601, units are codes of units or organisations."""

    id: str
    version: int
    incident: str
    title: str
    words: str
    kind: str
    priority: Priority
    state: State
    by: str  # Who gave it.
    from_unit: str  # Whose order it is: where a refusal and a late order come back to.
    ordered_to: str
    assignee: str  # Who owes the next step.
    unit: str  # Where the incident lies.
    location: dict[str, Any] | None
    place: str  # The place in words.
    issued_at: str
    receive_by: str
    arrive_by: str  # "" where nobody has to go anywhere.
    finish_by: str
    due: str | None
    open: bool
    steps: tuple[Step, ...]
    told: tuple[Told, ...]
    escalated_to: tuple[str, ...]
    result: str
    reason: str  # Why it was refused or withdrawn.
    counter: str  # What the unit proposes instead.
    proof: tuple[dict[str, Any], ...]
    replaces: str
    replaced_by: str
    drill: bool
    simulated: bool

    @property
    def name(self) -> str:
        """The end of the id, as addresses have it."""
        return self.id.removeprefix(f"urn:ngsi-ld:{TYPE}:")

    def step(self, *verbs: str) -> Step | None:
        """The latest step of one of these verbs."""
        return next((one for one in reversed(self.steps) if one.verb in verbs), None)

    def limit(self, clock: Clock) -> int | None:
        """Until when (µs) a step is owed, None where it is not."""
        text = {Clock.RECEIVE: self.receive_by, Clock.ARRIVE: self.arrive_by, Clock.FINISH: self.finish_by}[clock]
        return from_iso(text) if text else None

    def met(self, clock: Clock) -> int | None:
        """When (µs) a step was done. An arrival shows that the order was received, a result that all was."""
        for verb in METS[clock]:
            if found := self.step(verb):
                return found.done
        return None

    def clock(self) -> Clock | None:
        """The limit that runs now; None when nothing is owed by the unit."""
        if self.state not in RUNNING:
            return None
        return next((one for one in Clock if self.limit(one) is not None and self.met(one) is None), None)

    def late(self, clock: Clock, now: int) -> bool:
        """Whether a step came after its limit, or is still owed after it."""
        limit = self.limit(clock)
        if limit is None:
            return False
        met = self.met(clock)
        if met is None and self.state not in RUNNING:
            return False
        return (now if met is None else met) > limit


METS: Mapping[Clock, tuple[str, ...]] = {
    Clock.RECEIVE: ("receive", "arrive", "finish"),
    Clock.ARRIVE: ("arrive", "finish"),
    Clock.FINISH: ("finish",),
}
RUNNING = frozenset({State.ISSUED, State.RECEIVED, State.ARRIVED})


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What is said to give an order: one order for each unit, all in one commit."""

    title: str
    units: tuple[str, ...]
    words: str = ""
    kind: str = "scene"
    place: str = ""
    point: tuple[float, float] | None = None  # Longitude, latitude; None is the incident's own.
    arrive_by: int | None = None  # µs; None is the limit of the rules.
    finish_by: int | None = None
    priority: str = ""  # "" is the incident's.


@dataclass(frozen=True, slots=True)
class Said:
    """What is said to move an order."""

    words: str = ""  # The result, or the reason.
    counter: str = ""  # What is proposed instead.
    unit: str = ""  # Another unit that gets the order.
    files: tuple[Upload, ...] = ()


def order_of(entity: Entity) -> Order:
    """The order that an entity holds."""
    value = entity.value
    if TYPE not in entity.types:
        raise NoSuchOrder(f"{entity.id} is not an order.")
    return Order(
        id=entity.id,
        version=entity.version,
        incident=value("incident", ""),
        title=value("title", ""),
        words=value("words", ""),
        kind=value("kind", ""),
        priority=Priority(value("priority", Priority.HIGH)),
        state=State(value("state")),
        by=value("from", ""),
        from_unit=value("fromUnit", ""),
        ordered_to=value("orderedTo", ""),
        assignee=value("assignee", ""),
        unit=value("unit", ""),
        location=value("location"),
        place=value("place", ""),
        issued_at=value("issuedAt"),
        receive_by=value("receiveBy", ""),
        arrive_by=value("arriveBy", ""),
        finish_by=value("finishBy", ""),
        due=value("due"),
        open=bool(value("open", False)),
        steps=tuple(_step(one) for one in value("steps", ())),
        told=tuple(Told(one["step"], one["at"], tuple(one["to"])) for one in value("told", ())),
        escalated_to=tuple(value("escalatedTo", ())),
        result=value("result", ""),
        reason=value("reason", ""),
        counter=value("counter", ""),
        proof=tuple(value("proof", ())),
        replaces=value("replaces", ""),
        replaced_by=value("replacedBy", ""),
        drill=bool(value("drill", False)),
        simulated=bool(value("simulated", False)),
    )


def _step(value: dict[str, str]) -> Step:
    typed = value.get("typedAt")
    return Step(
        value["verb"],
        from_iso(value["at"]),
        value["by"],
        from_iso(typed) if typed else None,
        value.get("words", ""),
        value.get("key", ""),
    )
