"""Guarded nouns behind the one check: no role and no key writes them past their owner's verbs."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from dothi.accounts.policy import RolePolicy
from dothi.accounts.roles import PUBLIC_TYPES, ROLES
from dothi.ground.errors import Forbidden
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Actor, Change, Commit, Op, create, prop, system
from dothi.hub.vocabulary import NOUNS
from tests.accounts.conftest import within

GUARDED = {kind: noun.owner for kind, noun in NOUNS.items() if noun.owner is not None}
ACTORS = [
    ANONYMOUS,
    *(Actor(f"user:{role}", frozenset({role})) for role in ROLES),
    Actor("key:1", scopes=frozenset({"read:*", "write:*"})),
    system("stranger"),
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub where every guarded type has an owner, a verb and one entity."""
    folder: Path = tmp_path_factory.mktemp("hub")
    made = Hub(folder, RolePolicy(within, PUBLIC_TYPES))

    async def fill() -> None:
        for kind, owner in GUARDED.items():
            capability = made.own(owner, {kind: f"the verb of {kind}"})
            one = create(f"urn:x:{kind}", kind, name=prop("as it was"))
            await made.commit(Commit(system(owner), (one,), owner=capability))

    asyncio.run(fill())
    yield made
    asyncio.run(made.close())


def generic_writes(kind: str) -> list[Change]:
    """Every operation on the entity that is there, on a new one, and a type added to a harmless one."""
    old, new, attrs = f"urn:x:{kind}", f"urn:x:new:{kind}", {"name": prop("changed")}
    others = frozenset(Op) - {Op.DROP, Op.EXPIRE}  # To expire writes nothing but what was to be from the start.
    whole = [Change(op, name, (kind,), attrs) for op in sorted(others) for name in (old, new)]
    return [*whole, Change(Op.DROP, old, name="name"), Change(Op.APPEND, old, ("WeatherObserved",), attrs)]


@pytest.mark.parametrize("kind", sorted(GUARDED))
def test_generic_writes_are_refused(hub: Hub, kind: str) -> None:
    """Each operation by each role is refused with the verb to use instead, and the entity stays as it was."""

    async def story() -> None:
        tries = [Commit(actor, (change,)) for actor in ACTORS for change in generic_writes(kind)]
        for refused in await asyncio.gather(*map(hub.commit, tries), return_exceptions=True):
            assert isinstance(refused, Forbidden)
            assert refused.fields["use"] == f"the verb of {kind}"

    asyncio.run(story())
    assert hub.get(system("test"), f"urn:x:{kind}").value("name") == "as it was"


def test_a_batch_is_refused_one_by_one(hub: Hub) -> None:
    """In a batch the guarded entities fail and the others go in."""
    good = create("urn:x:air", "AirQualityObserved", pm25=prop(1))
    bad = create("urn:x:alarm", "Alarm", active=prop(True))
    key = Actor("key:1", scopes=frozenset({"write:*"}))
    receipt = asyncio.run(hub.commit(Commit(key, (good, bad), partial=True)))
    assert [result.status for result in receipt.results] == ["created", "failed"]
    assert isinstance(receipt.results[1].error, Forbidden)
