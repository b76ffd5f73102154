"""Documents of subscriptions checked, member by member (clauses 5.2.12 to 5.2.15, 5.2.22 and 5.2.33)."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from dothi.ground.clock import from_iso
from dothi.ground.errors import Invalid, Unsupported
from dothi.hub.context.terms import is_uri
from dothi.hub.peers.notify.delivery.target import target_of
from dothi.hub.peers.notify.model import GEO_JSON, JSON, LD_JSON, Trigger
from dothi.hub.peers.wire import Reach
from dothi.hub.render.parse import check_id
from dothi.hub.render.values import is_moment, shown

NULL = "urn:ngsi-ld:null"
SCHEMES = ("http", "https", "mqtt", "mqtts")
FORMATS = ("normalized", "concise", "simplified", "keyValues")
JOINS = ("flat", "inline", "@none")
OUTPUT_ONLY = frozenset({"status", "createdAt", "modifiedAt"})  # Table 5.2.12-2: ignored when they are given.
LONGEST_S = 366 * 24 * 3600  # Seconds of an interval or a throttling.
_VERSION = re.compile(r"\d+\.\d+")
_TOKEN = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_LANG = re.compile(r"[A-Za-z0-9*][A-Za-z0-9,;=.\-* ]*")
_CONNECTION = frozenset({"content-length", "transfer-encoding", "connection", "host", "content-type", "te", "upgrade"})
Check = Callable[[Any, str], Any]


def text(value: Any, where: str) -> str:
    """A string."""
    if not isinstance(value, str) or value == NULL:
        raise Invalid(f"{where} must be a string, not {shown(value)}.")
    return value


def word(value: Any, where: str) -> str:
    """A string that says something."""
    if not text(value, where).strip():
        raise Invalid(f"{where} must not be empty.")
    return str(value)


def flag(value: Any, where: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Invalid(f"{where} must be true or false, not {shown(value)}.")
    return value


def positive(value: Any, where: str) -> float:
    """A number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise Invalid(f"{where} must be a number greater than 0, not {shown(value)}.")
    return value


def seconds(value: Any, where: str) -> float:
    """A number of seconds above 0, a year at most."""
    if positive(value, where) > LONGEST_S:
        raise Invalid(f"{where} is {shown(value)} seconds; at most {LONGEST_S} are taken.")
    return float(value) if isinstance(value, float) else value


def whole(value: Any, where: str) -> int:
    """A whole number above 0."""
    if not isinstance(value, int) or positive(value, where) > 100:
        raise Invalid(f"{where} must be a whole number from 1 to 100, not {shown(value)}.")
    return value


def one_of(*allowed: str) -> Check:
    """One of these words."""

    def check(value: Any, where: str) -> str:
        if value not in allowed:
            raise Invalid(f"{where} is {shown(value)}; it must be one of {', '.join(allowed)}.")
        return str(value)

    return check


def many(check: Check) -> Check:
    """An array of at least one; each is checked."""

    def checked(value: Any, where: str) -> list[Any]:
        if not isinstance(value, list) or not value:
            raise Invalid(f"{where} must be an array with at least one member, not {shown(value)}.")
        return [check(one, f"{where}[{place}]") for place, one in enumerate(value)]

    return checked


def moment(value: Any, where: str) -> str:
    """A date-time (clause 4.6.3)."""
    if not isinstance(value, str) or not is_moment(value):
        raise Invalid(f"{where} must be a date-time such as 2026-11-22T07:00:00Z, not {shown(value)}.")
    return value


def in_future(now: int) -> Check:
    """A date-time after `now` (µs)."""

    def check(value: Any, where: str) -> str:
        if from_iso(moment(value, where)) <= now:
            raise Invalid(f"{where} is {value}, which has passed.")
        return str(value)

    return check


def uri(value: Any, where: str) -> str:
    """An absolute URI."""
    if not isinstance(value, str) or not is_uri(value) or value == NULL:
        raise Invalid(f"{where} must be an absolute URI, not {shown(value)}.")
    return value


def uris(value: Any, where: str) -> Any:
    """One URI or several."""
    return many(uri)(value, where) if isinstance(value, list) else uri(value, where)


def dataset(value: Any, where: str) -> str:
    """A datasetId, or @none for the default instance."""
    return value if value == "@none" else uri(value, where)


def version(value: Any, where: str) -> str:
    """A version of the standard, major.minor."""
    if not isinstance(value, str) or not _VERSION.fullmatch(value):
        raise Invalid(f"{where} must be a version such as 1.3, not {shown(value)}.")
    return value


def languages(value: Any, where: str) -> str:
    """A language filter (clause 4.15)."""
    if not _LANG.fullmatch(text(value, where)):
        raise Invalid(f"{where} is {shown(value)}; it looks like vi, or vi,en;q=0.8.")
    return str(value)


def pair(value: Any, where: str) -> dict[str, str]:
    """A key with its value (table 5.2.22-1)."""
    found = members({"key": word, "value": text}, ("key", "value"))(value, where)
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in found["key"] + found["value"]):
        raise Invalid(f"{where} holds control characters.")
    return dict(found)


def receiver(value: Any, where: str) -> list[dict[str, str]]:
    """What the receiver is told: names of headers that do not belong to the connection (clause 4.3.6.5)."""
    found = many(pair)(value, where) if value != [] else []
    wrong = [one["key"] for one in found if not _TOKEN.fullmatch(one["key"]) or one["key"].lower() in _CONNECTION]
    if wrong:
        raise Invalid(f"{where} names {shown(wrong[0])}, which is no header that a subscriber may set.")
    return found


def pairs(value: Any, where: str) -> list[dict[str, str]]:
    """Several keys with their values."""
    return many(pair)(value, where) if value != [] else []


def attribute(value: Any, where: str) -> str:
    """The name of an attribute, which id, type and scope are not (table 5.2.14.1-1)."""
    if value in ("id", "type", "scope"):
        raise Invalid(f"{where} is {value}, which is no attribute; use pick for it.")
    return word(value, where)


def members(checks: Mapping[str, Check], needed: tuple[str, ...] = (), known_only: bool = True) -> Check:
    """An object: each member by its check, those that are not known left out."""

    def check(value: Any, where: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Invalid(f"{where} must be an object, not {shown(value)}.")
        missing = [name for name in needed if name not in value]
        if missing:
            raise Invalid(f"{where} lacks {', '.join(missing)}.")
        prefix = f"{where}." if where != SUBJECT else ""
        return {name: checks[name](content, prefix + name) for name, content in value.items() if name in checks}

    return check


SUBJECT = "The subscription"
_geo = members(
    {
        "coordinates": lambda value, _: value,
        "geometry": word,
        "georel": word,
        "geoproperty": word,
    },
    ("coordinates", "geometry", "georel"),
)
_temporal = members(
    {"timerel": one_of("before", "after", "between"), "timeAt": moment, "endTimeAt": moment, "timeproperty": word},
    ("timerel", "timeAt"),
)


def _entity_id(value: Any, where: str) -> Any:
    return [check_id(one) for one in many(text)(value, where)] if isinstance(value, list) else check_id(value)


selector = members({"type": word, "id": _entity_id, "idPattern": word}, ("type",))


def endpoint(reach: Reach) -> Check:
    """Where notifications go (clause 5.2.15); the scheme must be one that can be spoken, the host one allowed."""
    check = members(
        {
            "uri": uri,
            "accept": one_of(JSON, LD_JSON, GEO_JSON),
            "cooldown": positive,
            "timeout": positive,
            "receiverInfo": receiver,
            "notifierInfo": pairs,
        },
        ("uri",),
    )

    def checked(value: Any, where: str) -> dict[str, Any]:
        found: dict[str, Any] = check(value, where)
        scheme = found["uri"].partition(":")[0].lower()
        if scheme not in SCHEMES:
            raise Unsupported(f"{where}.uri begins with {scheme}:; this server speaks {', '.join(SCHEMES)}.")
        host = target_of(found["uri"], {one["key"]: one["value"] for one in found.get("notifierInfo", ())}).host
        if not reach.allows(host):
            raise Invalid(
                f"{where}.uri leads to {host[:200]}, which is on this machine or in a private network, and the "
                "operator did not allow it (setting peer_hosts)."
            )
        return found

    return checked


def notification(reach: Reach) -> Check:
    """How a subscriber is told (clause 5.2.14); what only the hub knows is ignored."""
    check = members(
        {
            "endpoint": endpoint(reach),
            "attributes": many(attribute),
            "pick": many(word),
            "omit": many(word),
            "format": one_of(*FORMATS),
            "join": one_of(*JOINS),
            "joinLevel": whole,
            "showChanges": flag,
            "sysAttrs": flag,
        },
        ("endpoint",),
    )

    def checked(value: Any, where: str) -> dict[str, Any]:
        found: dict[str, Any] = check(value, where)
        if found.get("showChanges") and found.get("format") in ("simplified", "keyValues"):
            raise Invalid(f"{where}.showChanges cannot be true where the format is {found['format']}.")
        both = [name for name in ("pick", "omit") if name in found]
        if "attributes" in found and both:
            raise Invalid(f"{where}.attributes cannot stand beside {both[0]}; use pick and omit.")
        same = set(found.get("pick", ())) & set(found.get("omit", ()))
        if same:
            raise Invalid(f"{where}.pick and omit both name {', '.join(sorted(same))[:100]}.")
        return found

    return checked


def subscription(reach: Reach, now: int) -> Check:
    """A whole subscription (clause 5.2.12); members that the standard does not know are left out."""
    check = members(
        {
            "id": uri,
            "type": one_of("Subscription"),
            "subscriptionName": text,
            "description": text,
            "entities": many(selector),
            "notification": notification(reach),
            "notificationTrigger": many(one_of(*Trigger)),
            "watchedAttributes": many(attribute),
            "q": word,
            "geoQ": _geo,
            "scopeQ": word,
            "temporalQ": _temporal,
            "csf": word,
            "datasetId": many(dataset),
            "expandValues": text,
            "expiresAt": in_future(now),
            "isActive": flag,
            "jsonKeys": text,
            "jsonldContext": uri,
            "lang": languages,
            "localOnly": flag,
            "ngsildConformance": version,
            "splitEntities": flag,
            "throttling": seconds,
            "timeInterval": seconds,
        },
        ("type", "notification"),
    )

    def checked(value: Any, where: str) -> dict[str, Any]:
        found: dict[str, Any] = check(value, where)
        _together(found)
        return found

    return checked


def _together(found: Mapping[str, Any]) -> None:
    """Raise Invalid for members that cannot stand beside each other (table 5.2.12-1)."""
    for name in ("watchedAttributes", "throttling"):
        if "timeInterval" in found and name in found:
            raise Invalid(f"timeInterval and {name} cannot stand together: it is told by the clock or of changes.")
    local = found.get("localOnly", False)
    if "entities" not in found and not local:
        if "timeInterval" in found:
            raise Invalid("timeInterval needs entities, unless localOnly is true.")
        if "watchedAttributes" not in found:
            raise Invalid("The subscription needs entities or watchedAttributes, unless localOnly is true.")
    if any(one["type"] == "*" for one in found.get("entities", ())) and found.get("localOnly") is False:
        raise Invalid('entities of type "*" are local ones: localOnly cannot be false.')


def checked(document: Any, reach: Reach, now: int) -> dict[str, Any]:
    """A subscription's document with what counts of it. Invalid names the member, Unsupported the scheme."""
    found: dict[str, Any] = subscription(reach, now)(document, SUBJECT)
    return found


def patched(before: Mapping[str, Any], fragment: Any) -> dict[str, Any]:
    """A document with the members of a fragment in the place of its own; null takes one away (clause 5.5.8)."""
    if not isinstance(fragment, dict):
        raise Invalid(f"The body must be a part of a subscription, not {shown(fragment)}.")
    after = dict(before)
    for name, value in fragment.items():
        if name == "@context" or name in OUTPUT_ONLY:
            continue
        if value is None or value == NULL:
            after.pop(name, None)
        else:
            after[name] = value
    return after
