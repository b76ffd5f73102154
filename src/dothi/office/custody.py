"""The chain of custody over HTTP: signed checkpoints for everybody, proofs and leaves for who may read the audit.

A checkpoint and a consistency proof hold hashes only. Who keeps a checkpoint elsewhere can prove later that nothing of
what it covers was changed: docs/howto/verify-the-log.md does so in 35 lines.
"""

import base64
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request

from dothi.accounts.api import Who
from dothi.accounts.policy import demand
from dothi.accounts.roles import Ability
from dothi.hub.peers.custody import Custody

Whole = Annotated[int, Query(ge=0, le=2**53)]
Seq = Annotated[int, Path(ge=1, le=2**53)]
Many = Annotated[int, Query(ge=1, le=1000)]


def custody_of(request: Request) -> Custody:
    """The custody of the city that serves this request."""
    return cast(Custody, request.app.state.parts.custody)


Ours = Annotated[Custody, Depends(custody_of)]
router = APIRouter(prefix="/log", tags=["log"])


@router.get("/checkpoint")
def checkpoint(custody: Ours) -> dict[str, Any]:
    """The last signed checkpoint (C2SP signed note: origin, size, root, time), and the public keys that ever signed."""
    return {"checkpoint": custody.proofs.latest(), "keys": custody.keys()}


@router.get("/checkpoints")
def checkpoints(custody: Ours, after: Whole = 0, limit: Many = 100) -> dict[str, Any]:
    """Signed checkpoints of more than `after` leaves, in order: one at least after each minute with commits."""
    return {"checkpoints": custody.proofs.checkpoints(after, limit)}


@router.get("/consistency")
def consistency(custody: Ours, first: Whole, second: Whole) -> dict[str, Any]:
    """The proof that the tree of `second` leaves goes on from that of `first` (RFC 9162 section 2.1.4)."""
    return {"first": first, "second": second, "path": [_text(one) for one in custody.proofs.consistency(first, second)]}


@router.get("/inclusion/{seq}")
def inclusion(custody: Ours, actor: Who, seq: Seq, size: Whole) -> dict[str, Any]:
    """The path from commit `seq` to the root of the tree of `size` leaves (RFC 9162 section 2.1.3)."""
    demand(actor, Ability.READ_AUDIT)
    return {"seq": seq, "size": size, "path": [_text(one) for one in custody.proofs.inclusion(seq, size)]}


@router.get("/leaves/{seq}")
def leaf(custody: Ours, actor: Who, seq: Seq) -> dict[str, Any]:
    """The leaf of a commit as it was hashed, with what it stands for: reason and entries, each with its salt.

    Of an entry whose content was taken out `gone` is the hash (hex) that stays, and `body` what is left.
    """
    demand(actor, Ability.READ_AUDIT)
    shown = custody.proofs.leaf(seq)
    entries = [{"body": one.body.decode(), "salt": _text(one.salt), "gone": one.gone} for one in shown.entries]
    reason = {"text": shown.reason, "salt": _text(shown.salt)}
    return {"seq": seq, "leaf": shown.leaf.decode(), "reason": reason, "entries": entries}


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
