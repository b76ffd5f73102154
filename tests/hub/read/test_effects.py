"""What was missed is told from the log: each entity before and after, however long its history is."""

import asyncio
from pathlib import Path

import pytest

from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.model import ANONYMOUS, Commit, amend, prop, put

LAMP = "urn:x:lamp"


@pytest.mark.parametrize("before", [3, 120])
def test_the_last_commits_of_a_long_history(tmp_path: Path, before: int) -> None:
    """The last two of many updates are told with what they wrote, and with every attribute that they left alone."""

    async def story() -> None:
        hub = Hub(tmp_path, Open())
        await hub.commit(Commit(ANONYMOUS, (put(LAMP, "Lamp", name=prop("Lê Lợi"), a=prop(0)),)))
        for value in range(1, before):
            await hub.commit(Commit(ANONYMOUS, (amend(LAMP, a=prop(value)),)))
        seen = hub.last_seq()
        for value in (1000, 1001):
            await hub.commit(Commit(ANONYMOUS, (amend(LAMP, a=prop(value)),)))
        told = [effect for _, effect in hub.told(seen, hub.last_seq())]
        afters = [effect.after for effect in told]
        assert [one.value("a") for one in afters if one] == [1000, 1001]
        assert [one.value("name") for one in afters if one] == ["Lê Lợi", "Lê Lợi"]
        assert [effect.touched for effect in told] == [("a",), ("a",)]
        assert all(effect.before is not None for effect in told)
        await hub.close()

    asyncio.run(story())
