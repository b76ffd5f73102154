"""Telling a subscriber of the end of entities at a source (clause 5.8.6)."""

import uuid
from collections.abc import Iterable

from dothi.ground.clock import now_us
from dothi.hub.model import Entity
from dothi.hub.peers.notify.changes import Changed, selects
from dothi.hub.peers.notify.model import Subscription, Trigger
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.notify.showing import documents


def tell_end_of(notifier: Notifier, subscription: Subscription, ended: Iterable[tuple[Entity, int]]) -> int:
    """Tell of entities that another hub says were deleted, each with when (µs); how many the subscriber may see."""
    now = now_us()
    if subscription.recipient.status(now) != "active" or Trigger.ENTITY_DELETED not in subscription.triggers:
        return 0
    gone = [
        Changed(subscription.tenant, 0, at, one, None)
        for one, at in ended
        if selects(subscription.chosen, one) and notifier.hub.may_read(subscription.maker, one)
    ]
    if gone:
        notifier.post(subscription, documents(subscription, gone, lambda ids: iter(())), now, str(uuid.uuid4()))
    return len(gone)
