"""Hiding a comment for a published reason, showing it again, and the one appeal; all of it in a public log."""

from collections.abc import Mapping
from dataclasses import dataclass

from dothi.citizens.consultations.model import COMMENT, Appeal, Comment, Consultation, IllegalStep
from dothi.citizens.consultations.text import clean
from dothi.citizens.consultations.workflow import check, comment_by_number, comments_of, find, rules_for, write
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Invalid
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Attribute, amend, json_prop, prop


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the public log: what was done to which comment, for which rule, why. No words, no person."""

    at: str
    number: str
    article: str
    verb: str  # hide, restore, granted, refused.
    rule: str
    why: str


async def hide(
    citizens: Citizens,
    actor: Actor,
    number: str,
    rule: str,
    why: str,
    version: int | None = None,
    now: int | None = None,
) -> Comment:
    """Take a comment from public sight for one of the published reasons; a stub with the reason stays."""
    at = now or now_us()
    one, found = _both(citizens, actor, number)
    check(found, "hide", actor)
    if one.hidden:
        raise IllegalStep("This comment is hidden already.")
    rules_for(citizens, found.unit, at).moderated_for(rule)
    said = _why(citizens, found, why, at)
    attrs = {"hidden": prop(True), "hiddenFor": prop(rule), "hiddenWhy": prop(said)}
    return await _write(citizens, actor, one, "hide", rule, said, attrs, at, version)


async def restore(
    citizens: Citizens, actor: Actor, number: str, why: str, version: int | None = None, now: int | None = None
) -> Comment:
    """Show a hidden comment again, with the reason."""
    at = now or now_us()
    one, found = _both(citizens, actor, number)
    check(found, "restore", actor)
    if not one.hidden:
        raise IllegalStep("This comment is not hidden.")
    said = _why(citizens, found, why, at)
    return await _write(citizens, actor, one, "restore", one.hidden_for, said, {"hidden": prop(False)}, at, version)


async def decide(
    citizens: Citizens,
    actor: Actor,
    number: str,
    granted: bool,
    why: str,
    version: int | None = None,
    now: int | None = None,
) -> Comment:
    """Answer the author's appeal: granted shows the comment again; the author reads the reason either way."""
    at = now or now_us()
    one, found = _both(citizens, actor, number)
    check(found, "decide", actor)
    if one.appeal is not Appeal.WAITING:
        raise IllegalStep("There is no appeal to decide.")
    said = _why(citizens, found, why, at)
    outcome = Appeal.GRANTED if granted else Appeal.REFUSED
    attrs = {"appeal": prop(outcome.value), "appealAnswer": prop(said), "hidden": prop(not granted)}
    return await _write(citizens, actor, one, outcome.value, one.hidden_for, said, attrs, at, version)


def _both(citizens: Citizens, actor: Actor, number: str) -> tuple[Comment, Consultation]:
    one = comment_by_number(citizens, actor, number)
    return one, find(citizens, actor, one.consultation.rpartition(":")[2])


def _why(citizens: Citizens, found: Consultation, why: str, at: int) -> str:
    limits, said = rules_for(citizens, found.unit, at).limits, clean(why)
    if not limits.reason_letters <= len(said) <= limits.question_letters:
        raise Invalid(f"Say why in {limits.reason_letters} to {limits.question_letters} letters.", field="why")
    return said


async def _write(  # noqa: PLR0913  # The one path of the three verbs.
    citizens: Citizens,
    actor: Actor,
    one: Comment,
    verb: str,
    rule: str,
    why: str,
    attrs: Mapping[str, Attribute],
    at: int,
    version: int | None,
) -> Comment:
    """The change, with one more line of the log in the comment itself."""
    lines = citizens.hub.get(SYSTEM, one.id).value("moderation", [])
    line = {"verb": verb, "at": iso(at), "rule": rule, "why": why}
    told = {"moderation": json_prop([*lines, line]), "step": json_prop({"verb": verb, "at": iso(at), "reason": why})}
    expect = {one.id: one.version if version is None else version}
    await write(citizens, actor, (amend(one.id, **attrs, **told),), f"{verb}: {why}", expect)
    return comment_by_number(citizens, SYSTEM, one.number)


def public_log(citizens: Citizens, found: Consultation) -> tuple[Line, ...]:
    """Everything that was hidden or shown again in this round, newest first."""
    touched = [one for one in comments_of(citizens, found) if one.hidden_for]
    lines = [
        Line(row["at"], one.number, one.article, row["verb"], row["rule"], row["why"])
        for one in touched
        for row in citizens.hub.get(SYSTEM, urn(COMMENT, one.number)).value("moderation", [])
    ]
    return tuple(sorted(lines, key=lambda line: from_iso(line.at), reverse=True))
