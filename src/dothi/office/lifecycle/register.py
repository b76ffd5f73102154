"""The register of what left: exports, backups, open files; an erasure says which of them carried the person."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dothi.ground.clock import iso, now_us
from dothi.ground.ids import urn
from dothi.hub.core import Hub
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import Actor, Commit, Entity, create, prop, records_of, system
from dothi.hub.peers import records
from dothi.office.lifecycle.model import EXPORT, OWNED, OWNER

_SYSTEM = system(OWNER)
_MOST = 10_000
EXPORTS, BACKUPS = "exports.ndjson", "backups.ndjson"  # What the command notes in the data folder, a line each.


async def exported(  # What left is these things together.
    hub: Hub, actor: Actor, kind: str, where: str, until: int, digest: str = "", types: Iterable[str] = ()
) -> str:
    """Note that data left: `kind` (export, backup, open data …), where to, and up to which commit. Returns its id."""
    hub.own(OWNER, OWNED)
    name = urn(EXPORT)
    told: dict[str, Any] = {
        **{"kind": kind, "where": where, "upto": until, "digest": digest, "kinds": sorted(types)},
        **{"madeAt": iso(now_us()), "madeBy": actor.id},
    }
    change = create(name, EXPORT, **{key: prop(value) for key, value in told.items()})
    await hub.commit(Commit(_SYSTEM, (change,), f"data left: {kind}", owner=OWNER))
    return name


def exports(hub: Hub) -> list[Entity]:
    """What left, the newest first."""
    return list(hub.find(_SYSTEM, EXPORT, "", _MOST, order=("-madeAt",)))


def copies(hub: Hub, types: set[str], first: int, folder: Path | None = None) -> list[dict[str, str]]:
    """Who may hold a copy of things of these types, the first of which was committed as `first`, with dates.

    Exports and backups by the command are noted in files of the data folder.
    """
    noted = (line for name in (EXPORTS, BACKUPS) for line in _noted(folder, name, first))
    return [*_exported(hub, types, first), *_subscribed(hub, types), *noted]


def _noted(folder: Path | None, name: str, first: int) -> Iterator[dict[str, str]]:
    path = folder / name if folder is not None else None
    for text in path.read_text("utf-8").splitlines() if path is not None and path.is_file() else ():
        line = json.loads(text)
        if int(line.get("upto", line.get("seq", first)) or first) >= first:
            where = str(line.get("where", line.get("place", "")))
            told = {"kind": str(line.get("kind", "backup")), "where": where, "at": str(line.get("at", ""))}
            yield {**told, "digest": str(line.get("digest", "")), "id": ""}


def _exported(hub: Hub, types: set[str], first: int) -> Iterator[dict[str, str]]:
    for one in exports(hub):
        kinds = set(one.value("kinds", []))
        if one.value("upto", 0) >= first and (not kinds or kinds & types):
            told = {name: str(one.value(name, "")) for name in ("kind", "where", "digest")}
            yield {**told, "at": str(one.value("madeAt", "")), "id": one.id}


def _subscribed(hub: Hub, types: set[str]) -> Iterator[dict[str, str]]:
    """Subscriptions and registrations of others that reach these types: they are told of the end as of any change."""
    for tenant in [name for name in hub.tenants() if name.endswith(records_of(""))]:
        for kind in (records.SUBSCRIPTION, records.REGISTRATION):
            for one in hub.query(_SYSTEM, Query(TypeIs(kind), limit=_MOST, tenant=tenant)):
                said = str(one.attrs)
                if any(name in said for name in types):
                    yield {"kind": kind.lower(), "where": one.id, "at": iso(one.created_at), "digest": "", "id": one.id}
