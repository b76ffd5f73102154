"""The rules of CAP 1.2 that its schema misses, each with the section that says so."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from shapely.geometry import LinearRing

from dothi.operations.warnings.cap.message import (
    CATEGORIES,
    CERTAINTIES,
    MSG_TYPES,
    RESPONSES,
    SCOPES,
    SEVERITIES,
    STATUSES,
    URGENCIES,
    Alert,
    Area,
    Info,
    Ring,
)

_BARE = re.compile(r"[^\s,<&]+")  # Section 3.2.1: identifier and sender hold no space, comma, < or &.
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[-+]\d\d:\d\d")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")  # XML 1.0 section 2.2 has none.
NEED_REFERENCES = frozenset({"Update", "Cancel", "Ack", "Error"})
HEADLINE_MAX = 160


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong: the section of CAP 1.2 that says so, where in the message, and in words.

    `advice`: the standard recommends it (SHOULD); the message may go out all the same.
    """

    section: str
    where: str
    words: str
    advice: bool = False

    def __str__(self) -> str:
        """For lists of errors."""
        return f"{self.where}: {self.words} (CAP 1.2 section {self.section})"


def check(alert: Alert) -> tuple[Finding, ...]:
    """Everything that is wrong with a message, in its order."""
    findings = [*_names(alert), *_codes(alert), *_scope(alert), *_references(alert)]
    for place, info in enumerate(alert.infos, 1):
        findings += _info(alert, info, f"info {place}")
    return (*findings, *_infos(alert))


def errors(alert: Alert) -> tuple[Finding, ...]:
    """What keeps a message from going out or coming in: findings that are no mere advice."""
    return tuple(one for one in check(alert) if not one.advice)


def _names(alert: Alert) -> Iterator[Finding]:
    for where, text in (("identifier", alert.identifier), ("sender", alert.sender)):
        if not _BARE.fullmatch(text):
            yield Finding("3.2.1", where, "it is not empty and holds no space, comma, “<” or “&”")
    yield from _instant(alert.sent, "sent", required=True, section="3.2.1")
    for where, text in (("source", alert.source), ("note", alert.note), ("incidents", alert.incidents)):
        yield from _printable(text, where)


def _codes(alert: Alert) -> Iterator[Finding]:
    for where, value, known in (
        ("status", alert.status, STATUSES),
        ("msgType", alert.msg_type, MSG_TYPES),
        ("scope", alert.scope, SCOPES),
    ):
        if value not in known:
            yield Finding("3.2.1", where, f"“{value[:40]}” is none of {', '.join(known)}")


def _scope(alert: Alert) -> Iterator[Finding]:
    if (alert.scope == "Restricted") != bool(alert.restriction):
        yield Finding("3.2.1", "restriction", "it stands with scope Restricted, and with that only")
    if alert.scope == "Private" and not alert.addresses:
        yield Finding("3.2.1", "addresses", "scope Private needs addresses")


def _references(alert: Alert) -> Iterator[Finding]:
    if alert.msg_type in NEED_REFERENCES and not alert.references:
        yield Finding("3.2.1", "references", f"a message of msgType {alert.msg_type} names the earlier ones")
    for one in alert.references:
        parts = one.split(",")
        if len(parts) != 3 or not all(parts) or not _TIME.fullmatch(parts[2]):
            yield Finding("3.2.1", "references", f"“{one[:80]}” is not sender,identifier,sent")
        if one == alert.reference:
            yield Finding("3.2.1", "references", "a message does not refer to itself")
    if alert.msg_type == "Error" and not alert.note:
        yield Finding("3.2.1", "note", "msgType Error explains itself in note", advice=True)


def _infos(alert: Alert) -> Iterator[Finding]:
    if not alert.infos and alert.msg_type in ("Alert", "Update"):
        yield Finding("3.2.1", "info", f"a message of msgType {alert.msg_type} has an info block")
    languages = [one.language for one in alert.infos]
    if len({one.lower() for one in languages}) < len(languages) and len({one.event for one in alert.infos}) == 1:
        yield Finding("3.2.2", "language", "two info blocks of the same event have the same language", advice=True)
    if len({(one.expires, one.severity, one.urgency, one.certainty) for one in alert.infos}) > len(
        {one.event for one in alert.infos}
    ):
        yield Finding(
            "3.2.2", "info", "languages of one event differ in severity, urgency, certainty or expires", advice=True
        )


def _info(alert: Alert, info: Info, where: str) -> Iterator[Finding]:
    if not _LANGUAGE.fullmatch(info.language):
        yield Finding("3.2.2", f"{where} language", f"“{info.language[:20]}” is no code of RFC 3066")
    yield from _info_codes(info, where)
    if not info.event:
        yield Finding("3.2.2", f"{where} event", "it is not empty")
    yield from _times(alert, info, where)
    for name, text in (("headline", info.headline), ("description", info.description), ("event", info.event)):
        yield from _printable(text, f"{where} {name}")
    yield from _printable(info.instruction, f"{where} instruction")
    if len(info.headline) > HEADLINE_MAX:
        yield Finding("3.2.2", f"{where} headline", f"displays may cut it after {HEADLINE_MAX} letters", advice=True)
    for number, area in enumerate(info.areas, 1):
        yield from _area(area, f"{where} area {number}")


def _info_codes(info: Info, where: str) -> Iterator[Finding]:
    if not info.categories:
        yield Finding("3.2.2", f"{where} category", "there is one at least")
    lists = (
        *(("category", one, CATEGORIES) for one in info.categories),
        *(("responseType", one, RESPONSES) for one in info.responses),
        ("urgency", info.urgency, URGENCIES),
        ("severity", info.severity, SEVERITIES),
        ("certainty", info.certainty, CERTAINTIES),
    )
    for name, value, known in lists:
        if value not in known:
            yield Finding("3.2.2", f"{where} {name}", f"“{value[:40]}” is none of {', '.join(known)}")


def _times(alert: Alert, info: Info, where: str) -> Iterator[Finding]:
    for name, text in (("effective", info.effective), ("onset", info.onset), ("expires", info.expires)):
        yield from _instant(text, f"{where} {name}", required=False, section="3.2.2")
    begins, ends = _moment(info.effective) or _moment(alert.sent), _moment(info.expires)
    if begins and ends and ends <= begins:
        yield Finding("3.2.2", f"{where} expires", "it lies after effective (sent, where there is no effective)")


def _area(area: Area, where: str) -> Iterator[Finding]:
    if not area.desc:
        yield Finding("3.2.4", f"{where} areaDesc", "it is not empty")
    yield from _printable(area.desc, f"{where} areaDesc")
    if not (area.polygons or area.circles or area.geocodes):
        yield Finding("3.2.4", where, "a polygon, circle or geocode says where; the words alone do not", advice=True)
    for ring in area.polygons:
        if words := ring_problem(ring):
            yield Finding("3.2.4", f"{where} polygon", words)
    for circle in area.circles:
        if not _on_earth(circle.lon, circle.lat) or not 0 <= circle.km < 20_038:
            yield Finding("3.2.4", f"{where} circle", "its middle is a place on Earth, its radius no negative number")
    for name, value in area.geocodes:
        if not name or not value:
            yield Finding("3.2.4", f"{where} geocode", "it has a name and a value")
    if area.ceiling and not area.altitude:
        yield Finding("3.2.4", f"{where} ceiling", "it stands with altitude only")


def ring_problem(ring: Ring) -> str:
    """Why a polygon is none, "" when it is one."""
    if len(ring) < 4 or ring[0] != ring[-1]:
        return "it has at least four points, and the last is the first"
    if not all(_on_earth(lon, lat) for lon, lat in ring):
        return "latitudes lie between -90 and 90, longitudes between -180 and 180, latitude first"
    if len(set(ring)) < 3 or not LinearRing(ring).is_simple:
        return "its outline crosses or touches itself"
    return ""


def _on_earth(lon: float, lat: float) -> bool:
    return -180 <= lon <= 180 and -90 <= lat <= 90


def _instant(text: str, where: str, required: bool, section: str) -> Iterator[Finding]:
    if not text and not required:
        return
    if text.endswith("Z"):
        yield Finding("3.3.2", where, "UTC is written -00:00, never Z")
    elif not _TIME.fullmatch(text):
        yield Finding("3.3.2", where, f"“{text[:40]}” is not yyyy-mm-ddThh:mm:ss±hh:mm")
    elif _moment(text) is None:
        yield Finding(section, where, f"“{text[:40]}” is no day or time that there is")


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def _printable(text: str, where: str) -> Iterator[Finding]:
    if _UNPRINTABLE.search(text):
        yield Finding("3.3.3", where, "it holds a letter that XML does not know")
