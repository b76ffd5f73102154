"""Tests: evolutions are read from the log with what was erased, corrected and ended; long ones by their traces."""

import asyncio
import random
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from dothi.ground.clock import iso
from dothi.ground.errors import Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Window
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, amend, create, prop, put
from dothi.hub.read.past import evolution, traces

LAMP = "urn:l:1"
START = 1_790_000_000_000_000
MINUTE = 60_000_000
Story = Callable[[Hub], Coroutine[Any, Any, None]]


def told(folder: Path, story: Story) -> None:
    """Run a story against a fresh hub."""

    async def run() -> None:
        hub = Hub(folder / "hub", Open())
        try:
            await story(hub)
        finally:
            await hub.close()

    asyncio.run(run())


async def done(hub: Hub, *changes: Change) -> None:
    """Commit changes."""
    await hub.commit(Commit(ANONYMOUS, changes))


def instant(minute: int) -> str:
    """A moment of the tests."""
    return iso(START + minute * MINUTE)


def both(hub: Hub, names: tuple[str, ...], window: Window, strict: bool) -> tuple[Any, Any]:
    """What the trace tells, and what the walk tells."""
    head = hub._head(LAMP, "")
    assert head is not None
    walked = evolution.read(hub._store, head, names, window, strict)
    return plain(hub._memory._traces.read(head, names, window, strict)), plain(walked)


def plain(series: evolution.Series | None) -> Any:
    """A series as comparable values."""
    if series is None:
        return None
    return {name: [(one.at, one.dataset, one.instance) for one in listed] for name, listed in sorted(series.items())}


WINDOWS = [
    Window(),
    Window(last=3),
    Window("after", START + 20 * MINUTE),
    Window("between", START + 10 * MINUTE, START + 30 * MINUTE),
    Window("before", end=START + 25 * MINUTE, last=5),
    Window(attribute="modifiedAt"),
    Window(attribute="createdAt", last=2),
    Window(attribute="deletedAt"),
]


def random_change(chance: random.Random) -> Change:
    """Something that may happen to a lamp."""
    kind = chance.random()
    when = chance.randrange(40)
    instance = prop(chance.randrange(4), instant(when)) if chance.random() < 0.8 else prop(chance.randrange(4))
    if chance.random() < 0.3:
        instance["datasetId"] = f"urn:d:{chance.randrange(2)}"
    name = chance.choice("abc")
    if kind < 0.6:
        return Change(Op.APPEND, LAMP, attrs={name: instance})
    if kind < 0.7:
        return put(LAMP, "Lamp", **{name: instance})
    if kind < 0.8:
        return Change(Op.RECORD, LAMP, ("Lamp",), {name: [{**instance, "instanceId": f"urn:i:{chance.random()}"}]})
    if kind < 0.9:
        return Change(Op.ERASE, LAMP, name=name, every=chance.random() < 0.5)
    return Change(Op.APPEND, LAMP, attrs={name: instance}, scope=(f"/{chance.choice('XYZ')}",))


@pytest.mark.parametrize("seed", range(6))
def test_a_trace_tells_what_the_walk_tells(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """Whatever was written, erased or recorded, and however it is asked for, the quick way tells the same."""
    monkeypatch.setattr(traces, "LONG", 1)

    async def story(hub: Hub) -> None:
        chance = random.Random(seed)
        await done(hub, create(LAMP, "Lamp", a=prop(0, instant(0))))
        for turn in range(60):
            await done(hub, random_change(chance))
            if turn % 6 == 0:
                window = WINDOWS[turn // 6 % len(WINDOWS)]
                for names, strict in (((), True), (("a", "scope"), False)):
                    quick, slow = both(hub, names, window, strict)
                    assert quick == slow

    told(tmp_path, story)


def test_a_trace_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trace that stands is only made longer by what is committed later: the walk is not made again."""
    monkeypatch.setattr(traces, "LONG", 2)

    async def story(hub: Hub) -> None:
        await done(hub, create(LAMP, "Lamp", a=prop(0, instant(0))))
        for minute in range(1, 20):
            await done(hub, amend(LAMP, a=prop(minute, instant(minute))))
        assert len(hub.history(ANONYMOUS, LAMP)["a"]) == 20
        monkeypatch.setattr(hub._memory._traces, "_made", None)
        await done(hub, amend(LAMP, a=prop(20, instant(20))))
        assert [one["value"] for one in hub.history(ANONYMOUS, LAMP)["a"]] == list(range(21))

    told(tmp_path, story)


def test_ends_of_what_was_replaced(tmp_path: Path) -> None:
    """An attribute that a replacement left out ends with it; one that came back ends again when it goes again."""

    async def story(hub: Hub) -> None:
        await done(hub, create(LAMP, "Lamp", a=prop(1), b=prop(1)))
        await done(hub, put(LAMP, "Lamp", a=prop(2)))
        await done(hub, amend(LAMP, b=prop(3)))
        await done(hub, Change(Op.DROP, LAMP, name="b", every=True))
        await done(hub, Change(Op.DELETE, LAMP))
        past = hub.past(ANONYMOUS, LAMP, (), Window(attribute="deletedAt"), True)
        trail = hub.trail(ANONYMOUS, LAMP)
        assert {name: [one.at for one in ends] for name, ends in past.series.items()} == {
            "b": [trail[3].at, trail[1].at],
            "a": [trail[0].at],
        }
        assert all(one.instance["value"] == "urn:ngsi-ld:null" for ends in past.series.values() for one in ends)

    told(tmp_path, story)


def test_what_was_corrected_keeps_its_birth(tmp_path: Path) -> None:
    """A corrected instance keeps createdAt and name, and was modified when it was corrected (clause 5.6.14.4)."""

    async def story(hub: Hub) -> None:
        await done(hub, create(LAMP, "Lamp", a=prop(1, instant(1))))
        before = hub.history(ANONYMOUS, LAMP)["a"][0]
        change = Change(Op.CORRECT, LAMP, attrs={"a": prop(2, instant(2))}, instance=before["instanceId"])
        await done(hub, change)
        (after,) = hub.history(ANONYMOUS, LAMP)["a"]
        assert (after["value"], after["observedAt"]) == (2, instant(2))
        assert (after["instanceId"], after["createdAt"]) == (before["instanceId"], before["createdAt"])
        assert after["modifiedAt"] > after["createdAt"]
        await done(hub, Change(Op.ERASE, LAMP, name="a", instance=before["instanceId"]))
        assert hub.history(ANONYMOUS, LAMP) == {}

    told(tmp_path, story)


def test_an_erased_evolution_is_missing_until_it_begins_anew(tmp_path: Path) -> None:
    """What was erased as a whole is not there; what is written later begins another evolution."""

    async def story(hub: Hub) -> None:
        await done(hub, create(LAMP, "Lamp", a=prop(1, instant(1))))
        await done(hub, Change(Op.ERASE, LAMP))
        with pytest.raises(Missing):
            hub.past(ANONYMOUS, LAMP, (), Window(), False)
        await done(hub, amend(LAMP, a=prop(2, instant(2))))
        assert [one["value"] for one in hub.history(ANONYMOUS, LAMP)["a"]] == [2]

    told(tmp_path, story)
