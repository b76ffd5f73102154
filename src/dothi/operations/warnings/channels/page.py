"""The channel that is always there: the public's own page, feed and CAP files, read from what was released.

The page needs no hand-over: what stands here is what `Released` lets through, at the moment of the release.
"""

import xml.etree.ElementTree as Xml
from dataclasses import dataclass

from dothi.ground.clock import DAY, HOUR, from_iso, iso, now_us
from dothi.ground.errors import Missing
from dothi.hub.language.nodes import And, Compare, Condition, Or, Query, TypeIs
from dothi.office.messages.model import NotNow
from dothi.operations.model import Operations
from dothi.operations.warnings.channels.model import CAP, ENDING, PAGE, SYSTEM, Outcome, Released, issued_of
from dothi.operations.warnings.channels.reach import place_of
from dothi.operations.warnings.model import TYPE, NoSuchWarning, State

END_SHOWN = DAY  # How long an all-clear stands on the page.
EXPIRED_SHOWN = 6 * HOUR
FEED_SHOWN = 30 * DAY
LISTED_MAX = 200
FEED_MAX = 50


@dataclass(frozen=True)
class PublicPage:
    """The page as a channel: told when the page itself would show it."""

    operations: Operations
    name: str = PAGE

    async def send(self, key: str, what: Released) -> Outcome:
        """Look whether the public finds it."""
        try:
            of_identifier(self.operations, what.warning.identifier)
        except Missing as lost:
            raise NotNow("page not_found") from lost
        return Outcome(0, 1)

    async def look(self, key: str) -> Outcome:
        """Nothing is on its way here."""
        return Outcome(0, 1)

    async def stop(self, key: str) -> bool:
        """Nothing waits here."""
        return True


def public(operations: Operations, condition: Condition, limit: int = LISTED_MAX) -> list[Released]:
    """The real messages that fulfil a condition, newest first; a drill is never among them."""
    query = Query(TypeIs(TYPE), q=condition, limit=limit, order=("-sentAt",))
    found = (issued_of(operations, one) for one in operations.hub.query(SYSTEM, query))
    return [one for one in found if isinstance(one, Released)]


def standing(operations: Operations, now: int | None = None) -> list[Released]:
    """The last message of each warning that the page shows at `now` (µs): out, just ended, just expired."""
    at = now_us() if now is None else now
    recently = Compare(("expires",), ">=", iso(at - EXPIRED_SHOWN)), Compare(("sentAt",), ">=", iso(at - END_SHOWN))
    expired = And((_is(State.EXPIRED), Or(recently)))
    last: dict[str, Released] = {}
    for one in public(operations, Or((_is(State.RELEASED), expired))):
        last.setdefault(one.warning.thread, one)
    return [one for one in last.values() if _is_shown(one, at)]


def out_now(operations: Operations, now: int | None = None) -> list[Released]:
    """The real warnings that are out at `now` (µs), the latest message of each."""
    at = now_us() if now is None else now
    return [one for one in standing(operations, at) if one.warning.kind not in ENDING and not is_over(one, at)]


def is_over(one: Released, now: int) -> bool:
    """Whether the warning's time is over, whatever its state says yet."""
    return bool(one.warning.expires) and now >= from_iso(one.warning.expires)


def _is_shown(one: Released, now: int) -> bool:
    if one.warning.kind in ENDING:
        return now < from_iso(one.warning.sent) + END_SHOWN
    return not one.warning.expires or now < from_iso(one.warning.expires) + EXPIRED_SHOWN


def _is(state: State) -> Compare:
    return Compare(("state",), "==", state.value)


def told_by(one: Released, language: str) -> str:
    """Who says so, as the released file names them in a language, else in its first; "" when it names nobody."""
    infos = Xml.fromstring(one.cap).findall(f"{CAP}info")  # noqa: S314  # Written by ourselves.
    own = [info for info in infos if info.findtext(f"{CAP}language", "").lower().startswith(language)]
    return next((name for info in (*own, *infos) if (name := info.findtext(f"{CAP}senderName"))), "")


def recent(operations: Operations, now: int | None = None) -> list[Released]:
    """The messages of the last 30 days, newest first: what the feed tells."""
    at = now_us() if now is None else now
    return public(operations, Compare(("sentAt",), ">=", iso(at - FEED_SHOWN)), FEED_MAX)


def of_identifier(operations: Operations, identifier: str) -> Released:
    """The real message of a CAP identifier. NoSuchWarning when there is none."""
    found = public(operations, Compare(("identifier",), "==", identifier), 1)
    if not found:
        raise NoSuchWarning(f"There is no warning {identifier[:100]}.")
    return found[0]


def of_thread(operations: Operations, thread: str) -> list[Released]:
    """The real messages of one warning, newest first. NoSuchWarning when there is none."""
    found = public(operations, Compare(("thread",), "==", thread))
    if not found:
        raise NoSuchWarning(f"There is no warning {thread[:100]}.")
    return sorted(found, key=lambda one: place_of(one.warning), reverse=True)
