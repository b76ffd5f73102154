"""What cameras and gates send: checked one by one, personal data sealed, and a person asked to look where a rule says.

All of a batch that is sound is one commit: the detections and the suggestions that they raise. A detection that came
before stays as it came first, so a box may send again what it is not sure of.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from dothi.accounts.policy import may_push
from dothi.accounts.vault import Vault, seal_in
from dothi.ground.clock import HOUR, MINUTE, VIETNAM, from_iso, iso, now_us, to_datetime
from dothi.ground.errors import Conflict, Forbidden, Invalid, Missing
from dothi.hub.language.nodes import EventQuery
from dothi.hub.model import ABSENT, Actor, Change, Commit, Event
from dothi.operations.events.model import PERSONAL, SYSTEM, Detection, EventSource, Intake, Refusal, event_of, locker_of
from dothi.operations.events.rules import Rule, Rules, rules_at, worth_a_look
from dothi.operations.events.sources import is_keeper, one_source
from dothi.operations.incidents.suggestions import DETECTION, NewSuggestion, suggestion_change, suggestion_id
from dothi.operations.model import OWNER, Operations

BATCH_MAX = 1_000
AHEAD = 5 * MINUTE  # A clock that goes wrong by more is told so.
OLD = HOUR  # What happened longer ago asks nobody to look now.
_KEY_LETTERS, _CLIP_LETTERS, _PERSONAL_LETTERS = 120, 500, 4_000
_KNOWN = {"id", "at", "kind", "confidence", "count", "clip", "place", *PERSONAL}
_SEEN_MAX = 500  # Events of a source that a rule looks at.
_RACES = 3


async def take_in(
    operations: Operations, actor: Actor, code: str, rows: Sequence[Any], now: int | None = None
) -> Intake:
    """Take a batch of detections in, in the name of the source. Each row says id, at, kind and confidence.

    Forbidden without a key for it (scope source:<code>), Invalid for a batch that is too long, Missing when there is
    no such source, Conflict when it is switched off. Rows that cannot be taken come back with what to mend.
    """
    at = now_us() if now is None else now
    if not (is_keeper(actor) or may_push(actor, code)):
        raise Forbidden(f"{actor.id} may not send for {code[:60]}: it needs a key with the scope source:{code[:60]}.")
    source = one_source(operations, SYSTEM, code)
    if not source.enabled:
        raise Conflict(f"{code[:60]} is switched off: nothing is taken in.")
    if len(rows) > BATCH_MAX:
        raise Invalid(f"A batch has up to {BATCH_MAX} detections, this one {len(rows)}: send it in parts.")
    rules = rules_at(operations, source.unit or None, at)
    seen, refused = _read(rows, source, rules, at)
    return await _keep(operations, source, rules, seen, refused, at)


def _read(rows: Sequence[Any], source: EventSource, rules: Rules, now: int) -> tuple[list[Detection], list[Refusal]]:
    seen: dict[str, Detection] = {}
    refused: list[Refusal] = []
    for index, row in enumerate(rows):
        key = str(row.get("id", ""))[:_KEY_LETTERS] if isinstance(row, Mapping) else ""
        try:
            one = detection(row, source, rules, now)
            seen.setdefault(one.key, one)
        except Invalid as wrong:
            refused.append(Refusal(index, key, wrong.detail))
    return list(seen.values()), refused


def detection(row: Any, source: EventSource, rules: Rules, now: int) -> Detection:
    """The detection that a row says. Invalid with the field and what to mend."""
    if not isinstance(row, Mapping):
        raise Invalid("A detection is an object with id, at, kind and confidence.")
    if unknown := row.keys() - _KNOWN:
        raise Invalid(f"There is no field {', '.join(sorted(map(str, unknown)))[:200]}; nothing else is kept.")
    key, kind, clip = (_text(row, "id", _KEY_LETTERS), _text(row, "kind", 60), _text(row, "clip", _CLIP_LETTERS))
    if not key or kind not in rules.kinds:
        raise Invalid(f"id names the detection; kind is one of {', '.join(rules.kinds)}.")
    if clip and urlsplit(clip).scheme not in ("http", "https", "rtsp"):
        raise Invalid("clip is the address of a recording (http, https or rtsp).")
    for name in PERSONAL:
        if row.get(name) and name not in source.personal:
            raise Invalid(f"{source.code} has no purpose for which it may send a {name}: leave it out.")
    return Detection(
        key,
        _instant(row, now),
        kind,
        _number(row, "confidence", 1.0),
        _number(row, "count", 1e9) if row.get("count") is not None else None,
        clip,
        _place(row.get("place")),
        _text(row, "plate", 20),
        _text(row, "face", _PERSONAL_LETTERS),
    )


def _text(row: Mapping[str, Any], name: str, most: int) -> str:
    value = row.get(name, "")
    if not isinstance(value, str) or len(value) > most:
        raise Invalid(f"{name} is text of up to {most} letters.")
    return value.strip()


def _number(row: Mapping[str, Any], name: str, most: float) -> float:
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise Invalid(f"{name} is a number from 0 to {most:g}.")
    return float(value)


def _instant(row: Mapping[str, Any], now: int) -> int:
    try:
        at = from_iso(str(row.get("at", "")))
    except ValueError as cause:
        raise Invalid("at is when it happened, as 2026-11-22T08:00:00Z.") from cause
    if not 0 < at <= now + AHEAD:
        raise Invalid(f"at lies ahead of {iso(now)}: set the clock of the source.")
    return at


def _place(value: Any) -> tuple[float, float] | None:
    if value is None:
        return None
    sound = (
        isinstance(value, list)
        and len(value) == 2
        and all(  # Longitude and latitude.
            isinstance(one, int | float) and not isinstance(one, bool) and math.isfinite(one) for one in value
        )
    )
    if not sound or not (abs(value[0]) <= 180 and abs(value[1]) <= 90):  # Degrees.
        raise Invalid("place is [longitude, latitude] in degrees.")
    return float(value[0]), float(value[1])


async def _keep(  # One batch.
    operations: Operations, source: EventSource, rules: Rules, seen: list[Detection], refused: list[Refusal], now: int
) -> Intake:
    hub = operations.hub
    for _ in range(_RACES):
        known = _known(operations, source, [one.key for one in seen])
        events = await _sealed(operations.vault, source, [one for one in seen if one.key not in known])
        asked = list(_suggested(operations, source, rules, events, now))
        changes = [change for change, _ in asked]
        expect = {change.id: ABSENT for change in changes}
        if events:
            try:
                commit = Commit(SYSTEM, tuple(changes), "detections", expect, owner=OWNER, events=tuple(events))
                await hub.commit(commit)
            except Conflict:
                continue  # The same was suggested meanwhile: look again.
        return Intake(len(events), len(known), tuple(refused), tuple(change.id for change in changes))
    raise Conflict("The detections could not be kept; somebody else writes the same ones. Send them again.")


def _known(operations: Operations, source: EventSource, keys: Sequence[str]) -> set[str]:
    """Which of these the lane holds already."""
    asked = EventQuery(keys=tuple(keys), limit=len(keys))
    return {one.key for one in operations.hub.events(SYSTEM, source.id, asked)} if keys else set()


async def _sealed(vault: Vault | None, source: EventSource, seen: Sequence[Detection]) -> list[Event]:
    """The lines of a lane, what is personal in them sealed in the locker of its day."""
    events: list[Event] = []
    for one in seen:
        secret = "\n".join((one.plate, one.face)) if one.plate or one.face else ""
        if not secret:
            events.append(event_of(source, one))
            continue
        if vault is None:
            raise Conflict("This city has no vault: number plates and faces are not taken in.")
        (sealed,) = await seal_in(vault, locker_of(source.id, one.at), [secret.encode()])
        tag = plate_tag(vault, one.plate) if one.plate else b""
        events.append(event_of(source, one, tag, sealed))
    return events


def plate_tag(vault: Vault, plate: str) -> bytes:
    """What a number plate is found by, whatever marks stand between its letters."""
    return vault.tag("plate", "".join(letter for letter in plate.upper() if letter.isalnum()))


def _suggested(
    operations: Operations, source: EventSource, rules: Rules, events: Sequence[Event], now: int
) -> Iterator[tuple[Change, Rule]]:
    fresh = [one for one in events if now - one.at < OLD]
    if not fresh:
        return
    kinds = {one.kind for one in fresh}
    for rule in rules.rules:
        if kinds.isdisjoint(rule.kinds):
            continue
        asked = EventQuery(now - OLD - rule.within, kinds=tuple(sorted(rule.kinds)), limit=_SEEN_MAX)
        met = worth_a_look(rule, [*fresh, *operations.hub.events(SYSTEM, source.id, asked)])
        if met and not _asked_lately(operations, source, rule, met[0].at):
            yield suggestion_change(_suggestion(source, rules, rule, met), now), rule


def _cause(source: EventSource, rule: Rule, bucket: int) -> str:
    return f"{rule.id}|{source.id}|{bucket}"


def _asked_lately(operations: Operations, source: EventSource, rule: Rule, at: int) -> bool:
    """Whether the same source and rule asked within the quiet time; a bucket of time names each cause."""
    bucket = at // rule.quiet
    for one in (bucket, bucket - 1):
        try:
            before = operations.hub.get(SYSTEM, suggestion_id(DETECTION, _cause(source, rule, one)))
        except Missing:
            continue
        if one == bucket or at - before.created_at < rule.quiet:
            return True
    return False


def _clock(at: int) -> str:
    """An instant as both languages write it, in Vietnam."""
    return to_datetime(at).astimezone(VIETNAM).strftime("%H:%M %d/%m/%Y")


def _suggestion(source: EventSource, rules: Rules, rule: Rule, met: Sequence[Event]) -> NewSuggestion:
    """What the officer is asked to look at; it copies the facts, since the events will go."""
    sure = max(one.facts["confidence"] for one in met)
    name = source.name
    titles = {one: f"{rule.name[one]}: {name.get(one) or name['vi']}" for one in ("vi", "en")}
    kinds = sorted({one.kind for one in met})
    reasons = (
        {
            "vi": f"{len(met)} lần trong {(met[0].at - met[-1].at) // MINUTE + 1} phút: "
            + ", ".join(rules.kinds[kind]["vi"].lower() for kind in kinds),
            "en": f"{len(met)} times within {(met[0].at - met[-1].at) // MINUTE + 1} minutes: "
            + ", ".join(rules.kinds[kind]["en"].lower() for kind in kinds),
        },
        {"vi": f"Độ tin cậy cao nhất {sure:.0%}".replace("%", " %"), "en": f"Highest confidence {sure:.0%}"},
        {"vi": f"Lần cuối lúc {_clock(met[0].at)}", "en": f"Last at {_clock(met[0].at)}"},
    )
    place = met[0].facts.get("place") or source.place
    return NewSuggestion(
        DETECTION,
        _cause(source, rule, met[0].at // rule.quiet),
        titles,
        reasons,
        (source.id,),
        source.unit,
        (place[0], place[1]) if place else None,
        simulated=source.simulated,
    )
