"""Records of the hub: guarded, beside the tenant that they belong to, and never seen among its entities."""

import asyncio
from pathlib import Path

import pytest

from dothi.ground.errors import Conflict, Forbidden, Missing
from dothi.hub.access import Open
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Query
from dothi.hub.model import Actor, Commit, create, json_prop, records_of
from dothi.hub.peers import records

ANA = Actor("user:ana", frozenset({"official", "administrator"}))
DOCUMENT = {"id": "urn:x:1", "type": "Subscription", "entities": [{"type": "Bin"}]}


def test_a_record_lives_beside_its_tenant(tmp_path: Path) -> None:
    """It is read by kind with its maker, hidden from queries and types, and makes its tenant."""

    async def story() -> None:
        hub = Hub(tmp_path, Open())
        records.declare(hub)
        await records.create(hub, ANA, records.SUBSCRIPTION, "urn:x:1", DOCUMENT, "hue")
        record = records.read(hub, ANA, records.SUBSCRIPTION, "urn:x:1", "hue")
        assert (record.document, record.maker) == (DOCUMENT, ANA)
        assert (hub.has_tenant("hue"), hub.has_tenant("vinh")) == (True, False)
        assert hub.types(ANA, "hue") == {}
        assert not hub.query(ANA, Query(tenant="hue")).entities
        with pytest.raises(Missing):
            records.read(hub, ANA, records.SNAPSHOT, "urn:x:1", "hue")
        await records.replace(hub, ANA, record, {**DOCUMENT, "isActive": False})
        with pytest.raises(Conflict):
            await records.replace(hub, ANA, record, DOCUMENT)
        (found,) = records.listed(hub, ANA, records.SUBSCRIPTION, "hue")
        assert found.document["isActive"] is False
        await records.delete(hub, ANA, found)
        assert not list(records.listed(hub, ANA, records.SUBSCRIPTION, "hue"))
        await hub.close()

    asyncio.run(story())


def test_no_generic_write_reaches_a_record(tmp_path: Path) -> None:
    """Who writes the type without being its owner is told which route to take."""

    async def story() -> None:
        hub = Hub(tmp_path, Open())
        records.declare(hub)
        made = create("urn:x:1", records.SUBSCRIPTION, document=json_prop({}))
        with pytest.raises(Forbidden, match="/ngsi-ld/v1/subscriptions"):
            await hub.commit(Commit(ANA, (made,), tenant=records_of("")))
        await hub.close()

    asyncio.run(story())
