"""What is measured against what, as a table: each case with its servers, its floor (a must) and its aims (ratios)."""

from collections.abc import Callable
from dataclasses import dataclass

from dothi.command.trial.bench import material
from dothi.command.trial.bench.load import Shape
from dothi.ground.clock import DAY, iso, now_us


@dataclass(frozen=True)
class Sizes:
    """How much of everything: the whole run, or a quick one that only shows that it runs."""

    entities: int = 100_000  # Held by the hub while it is asked.
    written: int = 18_000  # Different entities that the writes go to.
    rounds: int = 5
    seconds: float = 2.0  # Of one run of load.
    warm_up: float = 1.0


FEW = 1000  # Entities of the small hub.
WHOLE = Sizes()
QUICK = Sizes(entities=2000, written=500, rounds=1, seconds=1.0, warm_up=1.0)


@dataclass(frozen=True)
class Case:
    """One thing measured on each of `servers`: the first is dothi, the others are its ceilings or companions."""

    id: str
    title: str
    shapes: Callable[[Sizes], list[Shape]]
    servers: tuple[str, ...]
    connections: int
    each: int = 1  # Entities in a request.
    least_rate: float = 0.0  # Must: so many (entities or requests) a second at least.
    most_p50_ms: float = 0.0  # Must: the median answer takes less.
    aims: tuple[tuple[str, float], ...] = ()  # (ceiling, least share of its rate).


SERVER_TITLES = {
    "small": "durable (the hub), 1,000 entities held",
    "hub": "durable (the hub)",
    "nostore": "same handler, store replaced by nothing",
    "parse": "bare ASGI, parse only",
    "city": "durable, all of dothi serving (`serve --open`)",
}
_SIZES = ("hub", "small", "parse")  # The same asked of many entities and of few.
_HALF = (("small", 0.5),)  # No shape is slower among 100,000 entities than at half its rate among 1,000.
_WRITES = ("hub", "nostore", "parse", "city")


def _shape(id_: str, title: str, shapes: Callable[[Sizes], list[Shape]], each: int = 1) -> Case:
    """One of the six shapes that brokers are compared by, with 16 connections."""
    return Case(id_, title, shapes, _SIZES, connections=16, each=each, aims=_HALF)


def _month(sizes: Sizes) -> list[Shape]:
    now = now_us()
    return material.aggregates(iso(now - 31 * DAY)[:19] + "Z", iso(now)[:19] + "Z")


SHAPES: tuple[Case, ...] = (
    _shape("s1", "Retrieve by id", lambda sizes: material.retrieves(FEW)),
    _shape("s2", "Query by type, limit 20", lambda sizes: material.by_type()),
    _shape("s3", "Query by q and near, limit 20", lambda sizes: material.by_q_near()),
    _shape("s4", "PATCH attrs", lambda sizes: material.patches(FEW)),
    _shape("s5", "Create", lambda sizes: material.creates()),
    _shape("s6", "Batch upsert of 100, entities/s", lambda sizes: material.upserts(FEW), material.BATCH),
)
CASES: tuple[Case, ...] = (
    Case(
        "a",
        "Batch upsert of 100 entities, entities/s",
        lambda sizes: material.upserts(sizes.written),
        _WRITES,
        connections=16,
        each=material.BATCH,
        least_rate=10_000,
        aims=(("nostore", 0.45), ("parse", 0.20)),
    ),
    Case(
        "a2",
        "The same with options=update, entities/s",
        lambda sizes: material.upserts(sizes.written, "?options=update"),
        ("hub", "nostore", "parse"),
        connections=16,
        each=material.BATCH,
        least_rate=10_000,
    ),
    Case(
        "b",
        "PATCH /entities/{id}/attrs, requests/s",
        lambda sizes: material.patches(sizes.written),
        _WRITES,
        connections=32,
        least_rate=1_500,
    ),
    Case(
        "c1",
        "Query by type and q, 1 % match, limit 20",
        lambda sizes: material.by_q(count=False, broad=False),
        ("hub", "parse"),
        connections=1,
        most_p50_ms=10,
    ),
    Case(
        "c2",
        "The same with count",
        lambda sizes: material.by_q(count=True, broad=False),
        ("hub", "parse"),
        connections=1,
        most_p50_ms=10,
    ),
    Case(
        "c3",
        "Query by type and q, half match, with count",
        lambda sizes: material.by_q(count=True, broad=True),
        ("hub", "parse"),
        connections=1,
        most_p50_ms=10,
    ),
    Case(
        "c4",
        "Query near a point (1 km), limit 20",
        lambda sizes: material.near(count=False),
        ("hub", "parse"),
        connections=1,
        most_p50_ms=10,
    ),
    Case(
        "c5",
        "The same with count",
        lambda sizes: material.near(count=True),
        ("hub", "parse"),
        connections=1,
        most_p50_ms=10,
    ),
    Case(
        "d",
        "History aggregate: 30 days hourly, mean and maximum by day",
        _month,
        ("hub", "parse"),
        connections=1,
    ),
    Case(
        "a3",
        "Batch upsert again, now that the queries' columns follow, entities/s",
        lambda sizes: material.upserts(sizes.written),
        ("hub", "nostore"),
        connections=16,
        each=material.BATCH,
        least_rate=10_000,
    ),
)
