"""The document of a snapshot: read, changed and shown (clauses 5.2.41 and 5.2.42); pure."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from dothi.ground.clock import DAY, iso
from dothi.ground.errors import Invalid, Malformed
from dothi.ground.ids import urn
from dothi.hub.context.terms import is_uri
from dothi.hub.language.match import attributes, matches
from dothi.hub.language.nodes import Condition
from dothi.hub.language.time import parse_period
from dothi.hub.model import Entity, prop
from dothi.hub.peers.notify.documents.reading import receiver
from dothi.hub.render.values import shown

QUERIES, TEMPORAL = "snapshotQueries", "snapshotTemporalQueries"
LIFETIME = DAY
LONGEST = 30 * DAY
MOST_QUERIES = 100
_PRIORITY = 5
_GIVEN = frozenset({"id", "type", QUERIES, TEMPORAL, "snapshotLifetime", "snapshotPriority", "endpoint"})
_CHANGES = frozenset({"id", "type", "snapshotLifetime", "snapshotPriority", "endpoint", "receiverInfo"})
_SHOWN_ONLY = frozenset(
    {
        *("snapshotStatus", "snapshotQueriesDetails", "snapshotTemporalQueriesDetails"),
        *("createdAt", "modifiedAt", "expiresAt", "lastUsedAt"),
    }
)
MEMBERS = _GIVEN | _CHANGES | _SHOWN_ONLY


def new_document(given: Any, now: int, clone: bool = False) -> dict[str, Any]:
    """The document of a new snapshot. Malformed or Invalid says what is wrong with what was given."""
    document = _checked(given, _CHANGES | frozenset({QUERIES, TEMPORAL}))
    if clone and (QUERIES in document or TEMPORAL in document):
        raise Invalid("A clone has what it is a clone of: leave snapshotQueries and snapshotTemporalQueries out.")
    if not clone:
        _check_queries(document)
    if document.get("type") != "Snapshot":
        raise Invalid(f'The body must have "type": "Snapshot", not {shown(document.get("type"))}.')
    document.setdefault("id", urn("Snapshot"))
    document.setdefault("snapshotPriority", _PRIORITY)
    stamp = iso(now)
    return document | {
        "snapshotStatus": "preparing",
        "createdAt": stamp,
        "modifiedAt": stamp,
        "lastUsedAt": stamp,
        "expiresAt": iso(_end(document, now)),
    }


def changed(document: Mapping[str, Any], given: Any, now: int) -> dict[str, Any]:
    """A document after the members in a fragment were changed (clause 5.16.4). Invalid for what cannot be changed."""
    fragment = _checked(given, _CHANGES)
    if fragment.get("id", document["id"]) != document["id"] or fragment.get("type", "Snapshot") != "Snapshot":
        raise Invalid("The id and the type of a snapshot cannot be changed (clause 5.16.4).")
    after = {**document, **fragment, "modifiedAt": iso(now)}
    return after | ({"expiresAt": iso(_end(after, now))} if "snapshotLifetime" in fragment else {})


def status_of(details: Sequence[Mapping[str, Any]]) -> str:
    """What the results of all queries make of a snapshot (clause 5.16.1.4)."""
    results = [one["resultStatus"] for one in details]
    if all(one == "success" for one in results):
        return "success"
    return next((told for one, told in (("success", "partial"), ("empty", "empty")) if one in results), "failure")


def check_condition(condition: Condition) -> None:
    """Raise Invalid unless a q is about members of snapshots alone (clause 5.16.7.4)."""
    foreign = attributes(condition) - MEMBERS
    if foreign:
        raise Invalid(f"Snapshots have no member {', '.join(sorted(foreign))[:100]}; q is about theirs alone.")


def fits(condition: Condition, document: Mapping[str, Any]) -> bool:
    """Whether a q on its members selects a snapshot."""
    attrs = {name: prop(value) for name, value in document.items() if name not in ("id", "type")}
    return matches(condition, Entity(document["id"], ("Snapshot",), {**attrs}))


def _checked(given: Any, known: frozenset[str]) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise Malformed(f"A snapshot must be a JSON object, not {shown(given)}.")
    document = {name: one for name, one in given.items() if name not in _SHOWN_ONLY and name != "@context"}
    foreign = document.keys() - known
    if foreign:
        raise Invalid(f"{', '.join(sorted(foreign))[:100]!r} cannot be set here (clause 5.2.41).")
    for name, test, wanted in _TESTS:
        if name in document and not test(document[name]):
            raise Invalid(f"{name} must be {wanted}, not {shown(document[name])}.")
    return document


def _check_queries(document: Mapping[str, Any]) -> None:
    lists = [document[name] for name in (QUERIES, TEMPORAL) if name in document]
    if not any(lists):
        raise Invalid("A snapshot needs snapshotQueries or snapshotTemporalQueries (clause 5.2.41).")
    if sum(map(len, lists)) > MOST_QUERIES:
        raise Invalid(f"A snapshot has more than {MOST_QUERIES} queries.")
    for one in document.get(QUERIES, ()):
        if "temporalQ" in one:
            raise Invalid("A query with temporalQ belongs to snapshotTemporalQueries (clause 5.2.41).")
    for one in document.get(TEMPORAL, ()):
        if "temporalQ" not in one:
            raise Invalid("Each of snapshotTemporalQueries needs a temporalQ (clause 5.2.41).")


def _end(document: Mapping[str, Any], now: int) -> int:
    wished = document.get("snapshotLifetime")
    if wished is None:
        return now + LIFETIME
    try:
        period = parse_period(wished)
    except Invalid as wrong:
        raise Invalid(wrong.detail.replace("aggrPeriodDuration", "snapshotLifetime")) from None
    return now + min(period.length + period.months * 30 * DAY, LONGEST)


def _is_priority(value: Any) -> bool:
    return type(value) is int and 1 <= value <= 10


def _is_address(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    try:
        return urlsplit(value).scheme in ("http", "https") and bool(urlsplit(value).hostname)
    except ValueError:
        return False


def _are_pairs(value: Any) -> bool:
    """Pairs that can be headers of a call (clause 5.2.22), as subscribers may set them."""
    try:
        receiver(value, "receiverInfo")
    except Invalid:
        return False
    return True


def _are_queries(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


_TESTS = (
    ("id", is_uri, "a URI"),
    ("snapshotPriority", _is_priority, "a whole number from 1 to 10"),
    ("snapshotLifetime", lambda value: isinstance(value, str), "a duration such as PT1H"),
    ("endpoint", _is_address, "an address that begins with http:// or https://"),
    ("receiverInfo", _are_pairs, "a list of objects with key and value that can be headers"),
    (QUERIES, _are_queries, "a list of Query objects"),
    (TEMPORAL, _are_queries, "a list of Query objects"),
)
