"""What was rendered is given again until it changes, and never after; nobody sees by it what the policy hides."""

import asyncio
import threading
from pathlib import Path

from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import ANONYMOUS, Actor, Change, Commit, Entity, Op, amend, prop, put
from dothi.hub.render.shape import Shape

LAMP, CORE = "urn:x:lamp", Shape()


def page(hub: Hub) -> tuple[list[bytes], int]:
    """The JSON of all lamps, and their count."""
    found = hub.shown_page(ANONYMOUS, Query(types=TypeIs("Lamp"), count=True), CORE)
    assert found is not None
    return found[0], found[1].total


class OneUnit(Open):
    """A reader who may read what lies in unit 1 only."""

    def may_read(self, actor: Actor, entity: Entity) -> bool:
        """Whether its unit is 1."""
        return entity.value("unit") == "1"


def test_what_changed_is_rendered_anew(tmp_path: Path) -> None:
    """After each commit the JSON says what stands, one by one and in a page; a deleted entity has none."""

    async def story() -> None:
        hub = Hub(tmp_path, Open())
        for value in (1, 2, 3):
            await hub.commit(Commit(ANONYMOUS, (put(LAMP, "Lamp", a=prop(value)),)))
            said = b'{"id":"urn:x:lamp","type":"Lamp","a":{"type":"Property","value":%d}}' % value
            assert [hub.shown(ANONYMOUS, LAMP, CORE) for _ in range(2)] == [said, said]
            assert page(hub) == ([said], 1)
        await hub.commit(Commit(ANONYMOUS, (Change(Op.DELETE, LAMP),)))
        assert hub.shown(ANONYMOUS, LAMP, CORE) is None
        assert page(hub) == ([], 0)
        await hub.close()

    asyncio.run(story())


def test_a_reader_beside_a_writer_keeps_nothing_old(tmp_path: Path) -> None:
    """Threads read without end while the entity changes 60 times: what a receipt is followed by is never older."""

    async def story() -> None:
        hub = Hub(tmp_path, Open())
        await hub.commit(Commit(ANONYMOUS, (put(LAMP, "Lamp", a=prop(0)),)))
        over = threading.Event()

        def read() -> None:
            while not over.is_set():
                hub.shown(ANONYMOUS, LAMP, CORE)

        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for value in range(1, 61):
            await hub.commit(Commit(ANONYMOUS, (amend(LAMP, a=prop(value)),)))
            assert b'"value":%d}' % value in (hub.shown(ANONYMOUS, LAMP, CORE) or b"")
        over.set()
        for reader in readers:
            reader.join()
        await hub.close()

    asyncio.run(story())


def test_what_is_kept_is_hidden_from_who_may_not_read(tmp_path: Path) -> None:
    """The policy is asked each time, by the unit as it stands."""

    async def story() -> None:
        hub = Hub(tmp_path, OneUnit())
        await hub.commit(Commit(ANONYMOUS, (put(LAMP, "Lamp", unit=prop("1")),)))
        assert hub.shown(ANONYMOUS, LAMP, CORE) is not None
        await hub.commit(Commit(ANONYMOUS, (amend(LAMP, unit=prop("2")),)))
        assert hub.shown(ANONYMOUS, LAMP, CORE) is None
        await hub.close()

    asyncio.run(story())
