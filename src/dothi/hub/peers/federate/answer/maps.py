"""Entity maps: which entities a query is about, fixed while its pages are walked (clauses 4.3.6.7, 5.5.9.3 and 5.14).

They are kept in memory and bounded: a map is a cache that expires soon, and where one is gone a query makes a new one
(clause 5.7.2.4). Only its maker sees a map, since it lists what that actor may read (decision 0160).
"""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from dothi.ground.clock import DAY, HOUR, iso
from dothi.ground.errors import Missing
from dothi.ground.ids import urn
from dothi.hub.model import Actor

LIFETIME = HOUR
LONGEST = DAY
MOST_MAPS = 1_000
MOST_IDS = 1_000_000  # In all maps together.


@dataclass(slots=True)
class EntityMap:
    """The entities of one query in their order, each with its sources; `linked` names the maps of the sources."""

    id: str
    tenant: str
    maker: str
    expires_at: int  # µs
    sources: dict[str, tuple[str, ...]]
    linked: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The map as clause 5.2.39 shapes it."""
        shown: dict[str, Any] = {
            "id": self.id,
            "type": "EntityMap",
            "expiresAt": iso(self.expires_at),
            "entityMap": {entity_id: list(sources) for entity_id, sources in self.sources.items()},
        }
        return shown | ({"linkedMaps": dict(self.linked)} if self.linked else {})

    def drop(self, ids: Iterable[str]) -> None:
        """Take out entities that do not, or no longer, fit the query (clause 5.5.9.3)."""
        for entity_id in ids:
            self.sources.pop(entity_id, None)


class Maps:
    """The entity maps of one hub; when there are too many, the oldest go of who has most."""

    def __init__(self, most_maps: int = MOST_MAPS, most_ids: int = MOST_IDS) -> None:
        """Nothing is mapped yet."""
        self._maps: OrderedDict[str, EntityMap] = OrderedDict()
        self._most = (most_maps, most_ids)

    def make(
        self,
        maker: Actor,
        tenant: str,
        sources: Mapping[str, tuple[str, ...]],
        now: int,
        lifetime: int | None = None,
        linked: Mapping[str, str] = {},
    ) -> EntityMap:
        """Keep a new map; `lifetime` (µs) is what the client suggests."""
        expires = now + min(LIFETIME if lifetime is None else lifetime, LONGEST)
        made = EntityMap(urn("EntityMap"), tenant, maker.id, expires, dict(sources), dict(linked))
        self._maps[made.id] = made
        self._make_room(now)
        return made

    def find(self, maker: Actor, tenant: str, reference: str, now: int) -> EntityMap | None:
        """The map that a reference (its id, or the address of its resource) names; None when there is none now."""
        found = self._maps.get(unquote(reference.strip().rstrip("/").rpartition("/")[2]))
        if found is None or (found.maker, found.tenant) != (maker.id, tenant):
            return None
        if found.expires_at <= now:
            del self._maps[found.id]
            return None
        return found

    def read(self, maker: Actor, tenant: str, map_id: str, now: int) -> EntityMap:
        """The map of this id. Missing when there is none, it has expired, or somebody else made it."""
        found = self.find(maker, tenant, map_id, now)
        if found is None:
            raise Missing(f"There is no entity map {map_id[:200]} (any more).", entity=map_id)
        return found

    def prolong(self, kept: EntityMap, expires_at: int, now: int) -> None:
        """Let a map end at another moment (µs), within what is possible."""
        kept.expires_at = min(expires_at, now + LONGEST)

    def delete(self, kept: EntityMap) -> None:
        """Forget a map."""
        self._maps.pop(kept.id, None)

    def _make_room(self, now: int) -> None:
        for name in [name for name, one in self._maps.items() if one.expires_at <= now]:
            del self._maps[name]
        most_maps, most_ids = self._most
        while len(self._maps) > max(most_maps, 1):
            self._drop_of_greediest(lambda one: 1)
        while len(self._maps) > 1 and sum(len(one.sources) for one in self._maps.values()) > most_ids:
            self._drop_of_greediest(lambda one: len(one.sources))

    def _drop_of_greediest(self, size: Callable[[EntityMap], int]) -> None:
        """Let go of the oldest map of who has most of them: nobody drives out the maps of others."""
        taken: Counter[str] = Counter()
        for one in self._maps.values():
            taken[one.maker] += size(one)
        greediest = taken.most_common(1)[0][0]
        del self._maps[next(one.id for one in self._maps.values() if one.maker == greediest)]
