"""What the audit page shows: who did what, when and why, read from the hub's log and from the register of events."""

from collections.abc import Iterator
from dataclasses import dataclass

from dothi.accounts.events import Sought, read_events
from dothi.accounts.model import Event
from dothi.accounts.policy import demand
from dothi.accounts.roles import Ability
from dothi.accounts.store import Accounts
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Attribute, Logged, LoggedCommit, system

PAGE_MAX = 200
SCANNED_MAX = 50_000  # Commits looked through for one page; then the page says where to go on.
_STEP = 500
_AUDIT = system("accounts")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which lines: by actor id, entity id and time (µs, `end` excluded); `before` is the sequence to go on from.

    An actor's lines include those of a module on their behalf (system:sources:user:…).
    """

    actor: str = ""
    entity: str = ""
    start: int = 0
    end: int = 0
    before: int = 0
    tenant: str = ""
    limit: int = PAGE_MAX


@dataclass(frozen=True, slots=True)
class Line:
    """One entity's part in one commit: who, when (µs), why, and what became of which attributes."""

    seq: int
    at: int
    actor: str
    reason: str
    entity: str
    types: tuple[str, ...]
    status: str
    written: dict[str, Attribute]
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Lines, newest first; `before` goes on from here (0: there is nothing older to look at)."""

    lines: tuple[Line, ...]
    before: int


def read_audit(hub: Hub, actor: Actor, asked: Asked) -> AuditPage:
    """The changes that match, newest first; nothing is hidden. Forbidden for who may not read the audit.

    A commit is never split, so a page may hold a few lines more than `limit`.
    """
    demand(actor, Ability.READ_AUDIT)
    lines: list[Line] = []
    wanted = min(asked.limit, PAGE_MAX)
    for looked_at, commit in enumerate(_newest_first(hub, asked)):
        if len(lines) >= wanted or looked_at >= SCANNED_MAX:
            return AuditPage(tuple(lines), commit.seq + 1)
        if commit.at < asked.start:
            break
        if _matches(commit, asked):
            lines += [_line(commit, entry) for entry in commit.entries if asked.entity in ("", entry.id)]
    return AuditPage(tuple(lines), 0)


def read_register(accounts: Accounts, actor: Actor, asked: Asked) -> list[Event]:
    """Sign-ins, changes of users and keys, and openings of identities, newest first. Forbidden as for the audit.

    `asked.entity` finds the events about a person, a key or a pseudonym.
    """
    demand(actor, Ability.READ_AUDIT)
    return read_events(accounts.database, Sought(asked.actor, asked.entity, asked.start, asked.end, asked.before))


def _newest_first(hub: Hub, asked: Asked) -> Iterator[LoggedCommit]:
    if not asked.entity:
        return _backwards(hub, _first_unseen(hub, asked))
    return (commit for commit in _trail(hub, asked) if not asked.before or commit.seq < asked.before)


def _trail(hub: Hub, asked: Asked) -> Iterator[LoggedCommit]:
    """One entity's commits; the trail is asked for in growing lengths, since the first page is what people read."""
    told, size = 0, _STEP
    while found := hub.trail(_AUDIT, asked.entity, asked.tenant, size)[told:]:
        yield from found
        told, size = told + len(found), size * 4


def _backwards(hub: Hub, top: int) -> Iterator[LoggedCommit]:
    """Commits with seq < top, newest first, read in steps."""
    while top > 1:
        low = max(top - _STEP, 1)
        found = [commit for commit in hub.log(low - 1, top - low) if commit.seq < top]
        yield from reversed(found)
        top = low


def _first_unseen(hub: Hub, asked: Asked) -> int:
    """The lowest sequence that is too new: known at `end` or later, or at `before` (found by halving)."""
    high = min(asked.before or hub.last_seq() + 1, hub.last_seq() + 1)
    low = 1
    while asked.end and low < high:
        middle = (low + high) // 2
        found = hub.log(middle - 1, 1)
        if found and found[0].at < asked.end:
            low = found[0].seq + 1
        else:
            high = middle
    return high


def _matches(commit: LoggedCommit, asked: Asked) -> bool:
    in_time = commit.at >= asked.start and (not asked.end or commit.at < asked.end)
    by_them = asked.actor in ("", commit.actor) or commit.actor.endswith(f":{asked.actor}")
    return in_time and by_them and commit.tenant == asked.tenant


def _line(commit: LoggedCommit, entry: Logged) -> Line:
    return Line(
        seq=commit.seq,
        at=commit.at,
        actor=commit.actor,
        reason=commit.reason,
        entity=entry.id,
        types=entry.types,
        status=entry.status,
        written=entry.attrs,
        dropped=entry.dropped,
    )
