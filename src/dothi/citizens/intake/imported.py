"""Historic requests of another system: written by `sources` through this module, never routed, marked as imported."""

from collections.abc import Mapping, Sequence

import msgspec

from dothi.citizens.model import OWNER, TYPE, Outcome, State
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.clock import from_iso
from dothi.ground.errors import DothiError, Forbidden, Invalid, Missing
from dothi.ground.geometry import check as check_geometry
from dothi.hub.core import Hub
from dothi.hub.model import (
    Actor,
    Attribute,
    Change,
    Commit,
    Receipt,
    Result,
    default_instance,
    instance_value,
    json_prop,
    prop,
)

STATES: Mapping[str, State] = {  # What other systems call it → ours; folded to small letters.
    "new": State.FILED,
    "open": State.RECEIVED,
    "pending": State.IN_PROGRESS,
    "closed": State.ANSWERED,
    **{state.value: state for state in State},
}
# What only our own verbs say of a report: a source that could would forge a rating, or hand out somebody's work.
OURS = frozenset(
    (
        *("photos", "proof", "rating", "ratingWords", "reopened", "passedOn", "followKey", "assignee"),
        *("suggestedUnit", "routedBy", "duplicateOf"),
        *("routing", "answers", "followers", "looks", "usedBefore", "againOf", "recordedBy", "consent"),
    )
)
TEXTS = ("code", "category", "description", "unit", "placeWords", "channel", "answer")
INSTANTS = ("filedAt", "receivedAt", "closedAt", "due", "handleBy")


async def write_imported(
    citizens: Citizens, actor: Actor, changes: Sequence[Change], reason: str, key: str | None
) -> Receipt:
    """Write rows as reports, each for itself (the Writer of dothi.sources); the same key twice writes once.

    States, dates and outcomes are the rows' own; a row owes nobody anything, whatever its state says. One result a
    change, in order; a bad row has status "failed" with its error, and its reason names the attribute.
    """
    checked = [_checked(citizens.hub, change) for change in changes]
    good = tuple(change for change in checked if isinstance(change, Change))
    commit = Commit(SYSTEM, good, f"{reason} (by {actor.id})", key=key, partial=True, owner=OWNER)
    receipt = await citizens.hub.commit(commit)
    written = iter(receipt.results)
    results = tuple(
        next(written) if isinstance(one, Change) else Result(change.id, "failed", error=one)
        for change, one in zip(changes, checked, strict=True)
    )
    return msgspec.structs.replace(receipt, results=results)


def _checked(hub: Hub, change: Change) -> Change | DothiError:
    """The change with what makes it a report, or why it is none."""
    try:
        _check_imported(hub, change.id)
        return _as_report(change)
    except DothiError as fault:
        return fault


def _check_imported(hub: Hub, report_id: str) -> None:
    """Raise Forbidden for an entity that no source brought: a citizen's report has its own verbs."""
    try:
        standing = hub.get(SYSTEM, report_id)
    except Missing:
        return
    if standing.types != (TYPE,) or standing.value("imported") is not True:
        raise Forbidden(f"{report_id} was filed here: a source may not write it. Use the verbs under /api/reports.")


def _as_report(change: Change) -> Change:
    if change.types != (TYPE,):
        raise Invalid(f"{change.id} is no {TYPE}.", attribute="type")
    said = {name: instance_value(default_instance(attribute)) for name, attribute in change.attrs.items()}
    for name in INSTANTS:
        _check_instant(name, said.get(name))
    _check_readable(said)
    state = _state(said.get("state"))
    extra: dict[str, Attribute] = {
        "state": prop(state.value),
        "imported": prop(True),
        "open": prop(False),
        "placeDecided": prop(False),
        "step": json_prop({"verb": "import"}),
    }
    if "outcome" in said:
        extra["outcome"] = prop(_outcome(said["outcome"]).value)
    if said.get("closedAt") and said.get("due"):
        extra["onTime"] = prop(from_iso(str(said["closedAt"])) <= from_iso(str(said["due"])))
    kept = {name: attribute for name, attribute in change.attrs.items() if name not in OURS}
    return msgspec.structs.replace(change, attrs={**kept, **extra})


def _check_readable(said: Mapping[str, object]) -> None:
    """Raise Invalid for what no list of reports could show."""
    if not said.get("filedAt"):
        raise Invalid("filedAt: a report says when it was filed.", attribute="filedAt")
    for name in TEXTS:
        if not isinstance(said.get(name, ""), str):
            raise Invalid(f"{name}: “{str(said[name])[:40]}” is no text.", attribute=name)
    if said.get("location") is not None:
        check_geometry(said["location"], "location")


def _check_instant(name: str, value: object) -> None:
    try:
        if value is not None:
            from_iso(str(value))
    except ValueError as cause:
        raise Invalid(f"{name}: “{str(value)[:40]}” is no date-time.", attribute=name) from cause


def _state(value: object) -> State:
    found = STATES.get(str(value or "").strip().lower())
    if found is None:
        raise Invalid(f"state: “{str(value)[:40]}” is none of {', '.join(STATES)}.", attribute="state")
    return found


def _outcome(value: object) -> Outcome:
    try:
        return Outcome(str(value))
    except ValueError as cause:
        raise Invalid(f"outcome: “{str(value)[:40]}” is none of {', '.join(Outcome)}.", attribute="outcome") from cause
