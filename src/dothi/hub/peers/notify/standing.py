"""What a subscription that is told by the clock tells of: every entity that matches as it stands (clause 5.8.6)."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dothi.hub.core import Hub
from dothi.hub.language.match import Follow
from dothi.hub.language.nodes import Query
from dothi.hub.model import Entity
from dothi.hub.peers.notify.changes import holds, selects
from dothi.hub.peers.notify.model import Subscription

MOST_TOGETHER = 1000  # Entities in one notification, and in one page of what stands.


def standing(hub: Hub, subscription: Subscription, follow: Follow) -> Iterator[Entity]:
    """Every entity that is subscribed to and meets the conditions, each once, as far as the maker may read it."""
    seen: set[str] = set()
    for query in _queries(subscription):
        found: Sequence[Entity] = ()
        while len(found) == MOST_TOGETHER or not query.offset:
            found = hub.query(subscription.maker, query).entities
            for entity in found:
                new = entity.id not in seen and selects(subscription.chosen, entity)
                if new and holds(subscription, entity, follow):
                    yield entity
                seen.add(entity.id)
            query = replace(query, offset=query.offset + MOST_TOGETHER)


def _queries(subscription: Subscription) -> Iterator[Query]:
    """One query for each selector of a subscription."""
    wide = Query(scope=subscription.scope, tenant=subscription.tenant, limit=MOST_TOGETHER)
    if not subscription.chosen:
        yield wide
    for one in subscription.chosen:
        yield replace(wide, types=one.types, ids=tuple(one.ids), id_pattern=None if one.ids else one.pattern)
