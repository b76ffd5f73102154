"""The same check over PostgreSQL: log, tree, checkpoints and entities; what stands beside them has no digests there."""

import asyncio
from pathlib import Path

import asyncpg

from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.peers.checking.hub import Where, check_hub
from dothi.hub.store.proof.notary import finish, open_notary
from tests.hub.peers.checking import cities

_MOVED = "UPDATE page SET number=-number WHERE book='checkpoint'"


def test_a_hub_in_postgresql_is_proved(tmp_path: Path, database: str) -> None:
    """A sound one has no fault; a changed commit, entity, tile and checkpoint are found."""

    async def story() -> None:
        hub = Hub(tmp_path, Open(), database)
        notary = open_notary(tmp_path, "pg-test", cities.salted)
        await cities.fill(hub)
        await finish(hub, notary)
        await hub.close()

    def found() -> list[str]:
        return cities.said(check_hub(Where(tmp_path, database), "", lambda done, total: None))

    async def run(sql: str) -> None:
        connection = await asyncpg.connect(database)
        await connection.execute(sql)
        await connection.close()

    asyncio.run(story())
    assert found() == []
    for sql, back, said in (
        ("UPDATE log SET actor='user:x' WHERE seq=7", "UPDATE log SET actor='user:lan' WHERE seq=7", "commit 7: it is"),
        ("UPDATE log SET at=at+1 WHERE seq=9", "UPDATE log SET at=at-1 WHERE seq=9", "commit 9: it is"),
        ("UPDATE entity SET version=version+1", "UPDATE entity SET version=version-1", "urn:lamp:1: it stands"),
        (f"{_MOVED} AND number>0", f"{_MOVED} AND number<0", "checkpoint"),
        ("UPDATE page SET book='x' WHERE book='tile 0'", "", "not what was noted down"),
    ):
        asyncio.run(run(sql))
        assert any(said in line for line in found()), sql
        if back:
            asyncio.run(run(back))
            assert found() == []
