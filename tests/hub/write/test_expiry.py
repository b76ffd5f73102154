"""Tests: what has expired is swept by durable timers, says so in the log, and survives restart, export and load."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from dothi.ground.clock import MINUTE, SECOND, iso, now_us
from dothi.hub.access import Open
from dothi.hub.core import Hub, load
from dothi.hub.model import ANONYMOUS, Change, Commit, Op, Receipt, create, prop, system
from dothi.hub.write.expiry import EXPIRY, sweep

LAMP = "urn:l:1"
Story = Callable[[Hub], Coroutine[Any, Any, Any]]


def with_hub(folder: Path, story: Story) -> Any:
    """Run a story against the hub in `folder`."""

    async def run() -> Any:
        hub = Hub(folder, Open())
        try:
            return await story(hub)
        finally:
            await hub.close()

    return asyncio.run(run())


async def write(hub: Hub, *changes: Change, owner: str | None = None, tenant: str = "") -> Receipt:
    """One commit."""
    return await hub.commit(Commit(ANONYMOUS, changes, owner=owner, tenant=tenant))


def transient(expires: int, kind: str = "Lamp", entity_id: str = LAMP) -> Change:
    """A lamp that expires."""
    return Change(Op.CREATE, entity_id, (kind,), {"level": prop(1)}, expires=expires)


def test_the_sweep_is_a_deletion_in_the_log(tmp_path: Path) -> None:
    """A timer waits in the store; once it is due the entity is deleted under the hub's name, and the timer is gone."""

    async def story(hub: Hub) -> None:
        near = now_us() + SECOND // 20
        await write(hub, transient(near))
        assert hub.due_timers(EXPIRY, near) == [(f" {LAMP}", str(near))]
        assert await sweep(hub, near - 1) == 0
        await asyncio.sleep(0.1)
        assert await sweep(hub, now_us()) == 1
        last = hub.trail(ANONYMOUS, LAMP)[0]
        assert (last.entries[0].status, last.actor, last.reason) == ("deleted", "system:hub", "expired (clause 4.22)")
        assert hub.due_timers(EXPIRY, near + MINUTE) == []
        assert await sweep(hub, now_us()) == 0

    with_hub(tmp_path, story)


def test_an_attribute_is_dropped_when_its_time_has_come(tmp_path: Path) -> None:
    """Only what has expired goes; the timer moves on to what expires next."""

    async def story(hub: Hub) -> None:
        start = now_us()
        first, second = iso(start + SECOND // 20), iso(start + MINUTE)
        attrs = {"a": {**prop(1), "expiresAt": first}, "b": {**prop(2), "expiresAt": second}, "c": prop(3)}
        await write(hub, create(LAMP, "Lamp", **attrs))
        await asyncio.sleep(0.1)
        await sweep(hub, now_us())
        entity = hub.get(ANONYMOUS, LAMP)
        assert (sorted(entity.attrs), entity.fades_at) == (["b", "c"], start + MINUTE)
        assert hub.trail(ANONYMOUS, LAMP)[0].entries[0].dropped == ("a ",)
        assert hub.due_timers(EXPIRY, start + 2 * MINUTE) == [(f" {LAMP}", str(start + MINUTE))]

    with_hub(tmp_path, story)


def test_expiries_survive_a_restart(tmp_path: Path) -> None:
    """What is due while nobody runs is hidden and free at once after the next start."""
    with_hub(
        tmp_path,
        lambda hub: write(hub, transient(now_us() + SECOND // 20), transient(now_us() + MINUTE, entity_id="urn:l:2")),
    )

    async def after(hub: Hub) -> None:
        await asyncio.sleep(0.1)
        assert [one.id for one in hub.find(ANONYMOUS, "Lamp")] == ["urn:l:2"]
        await write(hub, create(LAMP, "Lamp", level=prop(2)))
        assert [entry.status for entry in hub.trail(ANONYMOUS, LAMP)[0].entries] == ["deleted", "created"]
        assert hub.get(ANONYMOUS, LAMP).value("level") == 2

    with_hub(tmp_path, after)


def test_expiries_go_along_with_a_city(tmp_path: Path) -> None:
    """A loaded log has the same expiries and timers, and the same state."""

    async def story(hub: Hub) -> list[Any]:
        await write(hub, transient(now_us() + MINUTE), tenant="hue")
        await write(hub, create(LAMP, "Lamp", a={**prop(1), "expiresAt": iso(now_us() + MINUTE)}))
        await write(hub, Change(Op.MERGE, LAMP, expires=now_us() + 2 * MINUTE))
        return [
            list(hub.dump()),
            hub.due_timers(EXPIRY, now_us() + MINUTE * 9),
            hub.get(ANONYMOUS, LAMP),
            hub.fingerprint(),
        ]

    dumped, timers, entity, print_ = with_hub(tmp_path / "old", story)
    load(tmp_path / "new", dumped)

    async def loaded(hub: Hub) -> None:
        assert hub.due_timers(EXPIRY, now_us() + MINUTE * 9) == timers
        assert hub.get(ANONYMOUS, LAMP) == entity
        assert hub.get(ANONYMOUS, LAMP, "hue").expires_at > now_us()
        assert hub.fingerprint() == print_

    with_hub(tmp_path / "new", loaded)


def test_what_lasts_has_no_timer(tmp_path: Path) -> None:
    """An expiry that is taken away, or an entity that is deleted before, leaves no timer behind."""

    async def story(hub: Hub) -> None:
        far = now_us() + MINUTE
        await write(hub, transient(far), transient(far, entity_id="urn:l:2"), transient(far, entity_id="urn:l:3"))
        await write(hub, Change(Op.APPEND, LAMP, expires=0), Change(Op.DELETE, "urn:l:2"))
        await write(hub, Change(Op.REPLACE, "urn:l:3", ("Lamp",), {"level": prop(2)}))
        assert hub.due_timers(EXPIRY, far) == []

    with_hub(tmp_path, story)


def test_guarded_nouns_expire_as_their_owner_said(tmp_path: Path) -> None:
    """The sweep needs no owner: it takes only what the owner's verb let expire; asked for early it does nothing."""

    async def story(hub: Hub) -> None:
        owner = hub.own("operations", {"Warning": "POST /api/warnings"})
        near = now_us() + SECOND // 20
        await write(hub, transient(near, "Warning"), owner=owner)
        early = await write(hub, Change(Op.EXPIRE, LAMP))
        assert early.results[0].status == "unchanged"
        await asyncio.sleep(0.1)
        assert await sweep(hub, now_us()) == 1
        assert hub.trail(system("x"), LAMP)[0].entries[0].status == "deleted"

    with_hub(tmp_path, story)
