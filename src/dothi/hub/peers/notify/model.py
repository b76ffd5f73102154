"""Subscriptions as the hub works with them: compiled once, in house names, frozen."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

import msgspec

from dothi.ground.clock import SECOND
from dothi.hub.context import CORE_URL
from dothi.hub.language.nodes import Condition, Geo, ScopeCondition, TypeCondition
from dothi.hub.model import Actor, Entity
from dothi.hub.render.older import Version
from dothi.hub.render.shape import Shape

JSON, LD_JSON, GEO_JSON = "application/json", "application/ld+json", "application/geo+json"
Status = Literal["active", "paused", "expired"]


class Trigger(StrEnum):
    """Which changes make a notification (table 5.2.12-1)."""

    ENTITY_CREATED = "entityCreated"
    ENTITY_UPDATED = "entityUpdated"  # Any of the three of attributes.
    ENTITY_DELETED = "entityDeleted"
    ATTRIBUTE_CREATED = "attributeCreated"
    ATTRIBUTE_UPDATED = "attributeUpdated"
    ATTRIBUTE_DELETED = "attributeDeleted"


DEFAULT_TRIGGERS = (Trigger.ATTRIBUTE_CREATED, Trigger.ATTRIBUTE_UPDATED)
OF_ENTITY_UPDATED = (*DEFAULT_TRIGGERS, Trigger.ATTRIBUTE_DELETED)


@dataclass(frozen=True, slots=True)
class Chosen:
    """One selector of entities (clause 5.2.33); ids go before the pattern."""

    types: TypeCondition | None  # None: of any type ("*").
    ids: frozenset[str] = frozenset()
    pattern: str | None = None
    finds: Callable[[str], bool] | None = None  # The test of `pattern`, prepared.


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where notifications go and how (clause 5.2.15)."""

    uri: str
    accept: str = JSON
    receiver: tuple[tuple[str, str], ...] = ()  # Headers, or metadata of an MQTT message.
    notifier: tuple[tuple[str, str], ...] = ()  # MQTT-Version, MQTT-QoS (clause 7.2).
    timeout_s: float = 10.0
    cooldown: int = 0  # µs

    @property
    def is_mqtt(self) -> bool:
        """Whether it is a topic of an MQTT broker."""
        return self.uri.startswith(("mqtt://", "mqtts://"))

    @property
    def in_body(self) -> bool:
        """Whether the @context goes into the body, else by a Link (clauses 5.3.1 and 6.3.6)."""
        if self.accept == GEO_JSON:
            return not any(key.lower() == "prefer" and "body=json" in value for key, value in self.receiver)
        return self.accept == LD_JSON


@dataclass(frozen=True, slots=True)
class Recipient:
    """Somebody who gets letters, in the order of a queue of their own."""

    queue: str
    subscription: str
    tenant: str  # Of the city.
    endpoint: Endpoint
    context: str = CORE_URL  # Where the @context of what is sent can be read.
    throttling: int = 0  # µs between two notifications at least.
    active: bool = True
    expires: int = 0  # µs; 0 = never.

    def status(self, now: int) -> Status:
        """Whether it is told of changes now (clauses 5.8.1.4 and 5.8.2.4)."""
        if self.expires and self.expires <= now:
            return "expired"
        return "active" if self.active else "paused"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What somebody wants to be told of, and how (clause 5.2.12)."""

    id: str
    tenant: str
    maker: Actor
    since: int  # When it was made (µs): what happened before is none of its concern.
    recipient: Recipient
    shape: Shape
    chosen: tuple[Chosen, ...] = ()  # Empty: entities of any kind.
    watched: frozenset[str] | None = None  # None: every attribute.
    triggers: frozenset[Trigger] = frozenset(DEFAULT_TRIGGERS)
    q: Condition | None = None
    geo: Geo | None = None
    near: Callable[[Entity], bool] | None = None  # The test of `geo`, prepared.
    scope: ScopeCondition | None = None
    interval: int = 0  # µs; 0: told of changes, not by the clock.
    show_changes: bool = False
    join: str = "@none"
    join_level: int = 1
    version: Version | None = None  # What notifications are cut down to (clause 4.3.6.8).
    local_only: bool = False
    split_entities: bool = False
    csf: Condition | None = None


class Tally(msgspec.Struct):
    """How a queue is doing (table 5.2.14.2-1); instants in µs, 0 = never."""

    sent: int = 0  # Letters, each once however often it is tried.
    failed: int = 0  # Of them those that failed at least once.
    last_sent: int = 0
    last_ok: int = 0
    last_failed: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a receiver who does not answer is waited for, and how much is kept for it meanwhile."""

    first: int = SECOND // 2  # µs until the second try; doubled at each further one.
    most: int = 300 * SECOND  # µs between two tries at most.
    age: int = 24 * 3600 * SECOND  # µs after which a letter is given up.
    refusals: int = 3  # Tries of a letter that the receiver calls wrong (4xx).
    waiting: int = 10_000  # Letters that wait in one queue at most; more are given up at once.
    dead: int = 10_000  # Letters given up that are kept in one queue.
    at_hand: int = 200  # Letters of one queue in memory.
    sending: int = 128  # Receivers spoken to at the same time.
    failing: int = 32  # Of them those that did not answer last time.
    checkpoint_s: float = 0.5
    spoken: frozenset[int] = field(default_factory=lambda: frozenset({401, 403, 404, 408, 409, 421, 423, 425, 429}))
