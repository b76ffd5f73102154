"""What residents say: a comment on an article, a support, an appeal; and what officials write down for them."""

import asyncio
import hashlib
import hmac
from dataclasses import dataclass

from dothi.accounts.model import Identity
from dothi.accounts.vault import keep_identity, pseudonym_of
from dothi.citizens.consultations.model import (
    AUTHOR,
    COMMENT,
    ORDER,
    SUPPORT,
    WHOLE,
    AlreadyDone,
    Appeal,
    Channel,
    Comment,
    Consultation,
    IllegalStep,
    Level,
    LevelTooLow,
    NoSuchComment,
    NoSuchConsultation,
    NotOpen,
    Stance,
    State,
    as_round,
)
from dothi.citizens.consultations.text import clean
from dothi.citizens.consultations.workflow import check, comment_by_number, find, rules_for, write
from dothi.citizens.intake.codes import KEY, codes_of, follow_key, split_code
from dothi.citizens.intake.filing import keep
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.citizens.rules import without_personal
from dothi.ground.clock import DAY, from_iso, iso, now_us
from dothi.ground.errors import Conflict, Invalid, Missing
from dothi.ground.ids import secret, urn
from dothi.ground.text import fold
from dothi.hub.language.nodes import And, Compare, Query, TypeIs
from dothi.hub.model import ABSENT, Actor, Attribute, Change, amend, create, json_prop, prop, rel
from dothi.office.photos import Upload, clean_proof

TRIES = 5  # Numbers tried when one is taken.


@dataclass(frozen=True, slots=True)
class Said:
    """What a resident sends. `key` makes a repeat harmless; `article` "" is the text as a whole."""

    words: str
    article: str = WHOLE
    stance: Stance = Stance.OTHER
    identity: Identity | None = None  # Who wants to be told; goes to the vault.
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Noted:
    """What an official writes down: from the desk, a paper or a meeting with `count` voices and its scans."""

    words: str
    channel: Channel
    article: str = WHOLE
    stance: Stance = Stance.OTHER
    count: int = 1
    scans: tuple[Upload, ...] = ()
    where_words: str = ""
    received: int | None = None  # When it was handed in (µs); needed once the consultation is closed.
    identity: Identity | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """A comment's public number, and the whole code that only its author gets."""

    number: str
    follow_code: str


@dataclass(frozen=True, slots=True)
class _Who:
    """How sure an identity is, and what stands for it: a keyed hash that nobody can turn back."""

    level: Level
    tag: str


async def comment(
    citizens: Citizens, actor: Actor, key: str, said: Said, address: str = "", now: int | None = None
) -> Sent:
    """File one comment while the consultation is open; the same `said.key` again returns the first.

    NotOpen outside its time, LevelTooLow below the level demanded, Invalid (with `field`) says what to mend,
    AlreadyDone when the same person says the same about the same article again.
    """
    at = now or now_us()
    found = public(citizens, key)
    if not found.takes_comments(at):
        raise NotOpen
    who = _who(citizens, actor, found, said.identity, address)
    _demand(found.comment_level, who.level)
    words = _checked(citizens, found, said.words, said.article, at)
    attrs = _attributes(found, words, said.article, said.stance, Channel.WEB, who.level, at)
    return await _file(citizens, SYSTEM, found, attrs, who, _person(actor, said.identity), actor, said.key)


async def note(citizens: Citizens, actor: Actor, key: str, noted: Noted, now: int | None = None) -> Sent:
    """An official enters what was said or written elsewhere; it is labelled so, with its count and scans."""
    at = now or now_us()
    found = find(citizens, actor, key)
    check(found, "enter", actor)
    limits = rules_for(citizens, found.unit, at).limits
    if noted.channel is Channel.WEB:
        raise Invalid("An official enters comments from the desk, a paper or a meeting.", field="channel")
    if not 1 <= noted.count <= limits.voices:
        raise Invalid(f"The number of voices is 1 to {limits.voices}.", field="count")
    if noted.channel is not Channel.DESK and not noted.scans and noted.count > 1:
        raise Invalid("More than one voice needs the scan of the paper or the minutes.", field="scans")
    if len(noted.scans) > limits.scans:
        raise Invalid(f"Up to {limits.scans} files are taken.", field="scans")
    _check_received(found, noted.received or at)
    words = _checked(citizens, found, noted.words, noted.article, at)
    where = without_personal(clean(noted.where_words)[: limits.where_letters])
    kept = [await keep(citizens.hub, await asyncio.to_thread(clean_proof, one)) for one in noted.scans]
    attrs = _attributes(found, words, noted.article, noted.stance, noted.channel, Level.WITNESSED, at)
    attrs |= {"count": prop(noted.count), "whereWords": prop(where), "scans": json_prop(kept)}
    tag = citizens.vault.tag("consultation", f"{found.id} noted {noted.key or secret()}").hex()
    return await _file(citizens, actor, found, attrs, _Who(Level.WITNESSED, tag), noted.identity, actor, noted.key)


def _check_received(found: Consultation, received: int) -> None:
    opened, closes = (from_iso(one) if one else 0 for one in (found.opens_at, found.closes_at))
    if not opened - DAY <= received <= closes:  # A day is told without its hour.
        raise Invalid("It was handed in outside the time of the consultation.", field="received")


def public(citizens: Citizens, key: str) -> Consultation:
    """A consultation as the public knows of it. NoSuchConsultation otherwise."""
    found = find(citizens, SYSTEM, key)
    if found.state is not State.PREPARED or found.announced:
        return found
    if not found.rounds:
        raise NoSuchConsultation
    return as_round(found, found.round - 1)  # The next round is still being prepared.


def _who(citizens: Citizens, actor: Actor, found: Consultation, identity: Identity | None, address: str) -> _Who:
    if actor.id.startswith("user:"):
        level, name = Level.ACCOUNT, actor.id
    elif identity is not None and _reach(identity):
        level, name = Level.CONTACT, _reach(identity)
    else:
        level, name = Level.ANONYMOUS, address
    return _Who(level, citizens.vault.tag("consultation", f"{found.id} {level} {name}").hex())


def _reach(identity: Identity) -> str:
    """The one phone number or mail address by which a contact counts."""
    digits = "".join(letter for letter in identity.phone if letter.isdigit())
    return digits.removeprefix("84").removeprefix("0") or fold(identity.email)


def _demand(wanted: Level, given: Level) -> None:
    if ORDER.index(given) < ORDER.index(wanted):
        raise LevelTooLow(level=wanted.value)


def _person(actor: Actor, identity: Identity | None) -> Identity | None:
    account = actor.id.removeprefix("user:") if actor.id.startswith("user:") else ""
    given = identity or Identity()
    full = Identity(given.name, given.phone, given.email, account)
    return full if full != Identity() else None


def _checked(citizens: Citizens, found: Consultation, words: str, article: str, at: int) -> str:
    """The words as they are kept: personal data hidden."""
    limit = rules_for(citizens, found.unit, at).limits.comment_letters
    kept = clean(words)
    if not kept:
        raise Invalid("Write what you think, in your own words.", field="words")
    if len(kept) > limit:
        raise Invalid(f"Up to {limit} letters fit here; there are {len(kept)}.", field="words", most=limit)
    if article != WHOLE and found.part(article) is None:
        raise Invalid(f"There is no part “{article[:40]}” in this text.", field="article")
    return without_personal(kept)


def words_key(words: str) -> str:
    """Equal for comments that say the same words, with or without marks, signs and spaces."""
    bare = "".join(char for char in fold(words) if char.isalnum())
    return hashlib.sha256(bare.encode()).hexdigest()[:32]


def _attributes(
    found: Consultation, words: str, article: str, stance: Stance, channel: Channel, level: Level, at: int
) -> dict[str, Attribute]:
    return {
        "consultation": rel(found.id),
        "unit": prop(found.unit),
        "round": prop(found.round),
        "article": prop(article),
        "words": prop(words),
        "wordsKey": prop(words_key(words)),
        "stance": prop(stance.value),
        "channel": prop(channel.value),
        "level": prop(level.value),
        "count": prop(1),
        "filedAt": prop(iso(at)),
        "hidden": prop(False),
        "told": prop(False),
        "step": json_prop({"verb": "comment", "at": iso(at)}),
    }


async def _file(
    citizens: Citizens,
    by: Actor,
    found: Consultation,
    attrs: dict[str, Attribute],
    who: _Who,
    identity: Identity | None,
    actor: Actor,
    key: str | None,
) -> Sent:
    key = f"{found.id} {key or secret()}"
    same = _same_words(citizens, found, attrs["wordsKey"]["value"])  # type: ignore[call-overload]
    for attempt in range(TRIES):
        number, pin = codes_of(key, attempt)
        sent = Sent(number, f"{number}-{pin[:4]}-{pin[4:]}")
        if _is_filed(citizens, sent.follow_code):
            return sent  # The second click of a double click.
        more: dict[str, Attribute] = {"followKey": prop(follow_key(number, pin))}
        if same:
            more["sameAs"] = prop(same)
        made = create(urn(COMMENT, number), COMMENT, **(attrs | more))
        link = await _author(citizens, found, number, attrs, who, identity, actor) if identity else None
        together = (made, link) if link and by == SYSTEM else (made,)
        try:
            await write(citizens, by, together, "comment", {one.id: ABSENT for one in together})
        except Conflict:
            continue  # The number is taken by another comment.
        if link and by != SYSTEM:  # The official may write the comment, but not know whose it is.
            await write(citizens, SYSTEM, (link,), "author", {link.id: ABSENT})
        return sent
    raise Conflict("No free number was found for the comment. Send it again.")


def _is_filed(citizens: Citizens, code: str) -> bool:
    try:
        find_by_code(citizens, code)
    except NoSuchComment:
        return False
    return True


async def _author(
    citizens: Citizens,
    found: Consultation,
    number: str,
    attrs: dict[str, Attribute],
    who: _Who,
    identity: Identity,
    actor: Actor,
) -> Change:
    """The sealed link; its name comes from person, round, article and words, so that nobody says one thing twice."""
    said = f"{who.tag} {found.round} {attrs['article']} {attrs['wordsKey']}"
    entity_id = urn(AUTHOR, hashlib.sha256(said.encode()).hexdigest()[:32])
    if _exists(citizens, entity_id):
        raise AlreadyDone("You have said the same about this part already.")
    known = pseudonym_of(citizens.vault, actor) if identity.account and not _reach(identity) else None
    person = known or await keep_identity(citizens.vault, identity)
    return create(
        entity_id,
        AUTHOR,
        consultation=rel(found.id),
        comment=rel(urn(COMMENT, number)),
        person=rel(person),
        level=prop(who.level.value),
        tag=prop(who.tag),
        round=prop(found.round),
    )


def _exists(citizens: Citizens, entity_id: str) -> bool:
    try:
        citizens.hub.get(SYSTEM, entity_id)
    except Missing:
        return False
    return True


def _same_words(citizens: Citizens, found: Consultation, key: str) -> str | None:
    """The number of the first comment of this round with the same words."""
    terms = (
        Compare(("consultation",), "==", found.id),
        Compare(("round",), "==", found.round),
        Compare(("wordsKey",), "==", key),
    )
    page = citizens.hub.query(SYSTEM, Query(TypeIs(COMMENT), q=And(terms), limit=1)).entities
    return page[0].id.rpartition(":")[2] if page else None


def find_by_code(citizens: Citizens, code: str) -> Comment:
    """The comment of whoever holds its whole code. NoSuchComment for a wrong number and a wrong key alike."""
    number, pin = split_code(code)
    if len(pin) != KEY:
        raise NoSuchComment
    found = comment_by_number(citizens, SYSTEM, number)
    if not found.follow_key or not hmac.compare_digest(follow_key(number, pin), found.follow_key):
        raise NoSuchComment
    return found


async def support(
    citizens: Citizens,
    actor: Actor,
    key: str,
    number: str,
    identity: Identity | None = None,
    address: str = "",
    now: int | None = None,
) -> Level:
    """One identity supports one comment, once; returns the level at which it counts. AlreadyDone the second time."""
    at = now or now_us()
    found = public(citizens, key)
    if not found.takes_comments(at):
        raise NotOpen
    one = comment_by_number(citizens, SYSTEM, number)
    if one.consultation != found.id or one.hidden or one.round != found.round:
        raise NoSuchComment
    who = _who(citizens, actor, found, identity, address)
    _demand(found.support_level, who.level)
    entity_id = urn(SUPPORT, hashlib.sha256(f"{who.tag} {one.number}".encode()).hexdigest()[:32])
    change = create(
        entity_id,
        SUPPORT,
        consultation=rel(found.id),
        comment=rel(one.id),
        level=prop(who.level.value),
        filedAt=prop(iso(at)),
    )
    try:
        await write(citizens, SYSTEM, (change,), "support", {entity_id: ABSENT})
    except Conflict as cause:
        raise AlreadyDone(
            "This comment was supported from here already; each person counts once.", level=who.level.value
        ) from cause
    return who.level


async def appeal(citizens: Citizens, code: str, words: str, now: int | None = None) -> Comment:
    """The author of a hidden comment asks, once, that somebody look at it again."""
    at = now or now_us()
    one = find_by_code(citizens, code)
    found = find(citizens, SYSTEM, one.consultation.rpartition(":")[2])
    check(found, "appeal", SYSTEM)
    if not one.hidden:
        raise IllegalStep("Only a hidden comment can be appealed for.")
    if one.appeal is not None:
        raise AlreadyDone("You have asked for this once; a person's decision stands.")
    limits = rules_for(citizens, found.unit, at).limits
    said = without_personal(clean(words))
    if len(said) < limits.reason_letters:
        raise Invalid(f"Say why in at least {limits.reason_letters} letters.", field="words")
    attrs: dict[str, Attribute] = {
        "appeal": prop(Appeal.WAITING.value),
        "appealWords": prop(said[: limits.comment_letters]),
        "step": json_prop({"verb": "appeal", "at": iso(at)}),
    }
    await write(citizens, SYSTEM, (amend(one.id, **attrs),), "appeal", {one.id: one.version})
    return find_by_code(citizens, code)
