"""Opinion rounds: every member is asked until a limit in working time; who says nothing is recorded as silent."""

from dothi.ground.calendar import add_working_hours
from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Forbidden, Invalid
from dothi.ground.ids import urn
from dothi.hub.model import Actor, Change, Commit, Op, Timer, create, json_prop, prop, rel, system
from dothi.programme.council.model import (
    FILES_MAX,
    TITLE_MAX,
    Answer,
    Closed,
    File,
    Opinion,
    Round,
    Stance,
    amend,
    body_of,
    file_rows,
    of_type,
    opinion_of,
    round_of,
    said,
)
from dothi.programme.council.service import one_session
from dothi.programme.model import OWNER, Programme, acts_for, readable

CONSUMER = "programme.chasing"  # Whose timers end a round; programme/chasing.py runs it.
TIMER = "round|"
HOURS_MAX = 400.0  # Ten weeks of office hours.
_CLERK = "programme_officer"
_SYSTEM = system("programme")
_MOST = 1000


async def ask_opinions(
    programme: Programme,
    actor: Actor,
    session: str,
    title: str,
    hours: float,
    files: tuple[File, ...] = (),
    now: int | None = None,
) -> str:
    """Ask every member of the session's body for an opinion within `hours` of working time; returns the round's id."""
    at = now_us() if now is None else now
    if not 0 < hours <= HOURS_MAX:
        raise Invalid(f"Give the members 1 to {HOURS_MAX:.0f} working hours.", field="hours")
    if len(files) > FILES_MAX:
        raise Invalid(f"At most {FILES_MAX} files.", field="files")
    held = one_session(programme, actor, session)
    body = body_of(programme.hub.get(actor, held.body))
    due = add_working_hours(at, hours, programme.calendar)
    round_id, subject = urn("OpinionRound"), said(title, "title", TITLE_MAX)
    asked = create(
        round_id,
        "OpinionRound",
        session=rel(session),
        title=prop(subject),
        due=prop(iso(due)),
        state=prop("open"),
        files=json_prop(file_rows(files)),
        unit=prop(held.unit),
    )
    each = [
        create(
            f"{urn('MemberOpinion', round_id.rpartition(':')[2])}:{number}",
            "MemberOpinion",
            round=rel(round_id),
            session=rel(session),
            title=prop(subject),
            position=prop(member.position),
            member=prop(member.user),
            assignee=prop(member.unit),
            due=prop(iso(due)),
            open=prop(True),
            state=prop("waiting"),
            unit=prop(held.unit),
        )
        for number, member in enumerate(body.members, 1)
    ]
    timer = Timer(CONSUMER, TIMER + round_id, due)
    await programme.hub.commit(Commit(actor, (asked, *each), "opinions asked", owner=OWNER, timers=(timer,)))
    return round_id


async def give_opinion(
    programme: Programme, actor: Actor, name: str, stance: str, words: str = "", now: int | None = None
) -> None:
    """A member says yes, yes with changes, or no, the last two with words.

    The member themselves, whoever speaks for their unit where no user is named, or the clerk of the body's unit for an
    opinion that came on paper. Closed when the limit has passed or the opinion was given.
    """
    at = now_us() if now is None else now
    found = one_opinion(programme, actor, name)
    if found.state != "waiting" or at > from_iso(found.due):
        raise Closed("The time for this opinion has passed, or it was given already.")
    if stance not in set(Stance):
        raise Invalid("Choose one of agree, changes, disagree.", field="stance")
    if not _speaks(actor, found):
        raise Forbidden(f"This opinion is asked of {found.position}: only they, or the council's clerk, give it.")
    text = words.strip() if stance == Stance.AGREE else said(words, "words")
    attrs = {
        "stance": prop(stance),
        "words": prop(text[:5000]),
        "state": prop("given"),
        "open": prop(False),
        "givenAt": prop(iso(at)),
        "givenBy": prop(actor.id),
    }
    await amend(programme, actor, found.id, found.version, "opinion given", attrs)  # type: ignore[arg-type]


def _speaks(actor: Actor, asked: Opinion) -> bool:
    if asked.user and actor.id == asked.user:
        return True
    return (acts_for(actor, asked.unit) and _CLERK in actor.roles) or (
        not asked.user and acts_for(actor, asked.assignee)
    )


async def close_round(programme: Programme, name: str, now: int) -> None:
    """The limit has passed: who said nothing is recorded as silent. To be called when the round's timer rings."""
    found = round_of(of_type(programme, _SYSTEM, "OpinionRound", name))
    waiting = [one for one in opinions(programme, _SYSTEM, name) if one.state == "waiting"]
    silent = {"state": prop("silent"), "open": prop(False), "silentAt": prop(iso(now))}
    changes = [Change(Op.APPEND, one.id, attrs=dict(silent)) for one in waiting]
    changes.append(Change(Op.APPEND, found.id, attrs={"state": prop("closed")}))
    timer = Timer(CONSUMER, TIMER + name, None)
    expect = {one.id: one.version for one in waiting}
    await programme.hub.commit(
        Commit(_SYSTEM, tuple(changes), "the limit has passed", expect, owner=OWNER, timers=(timer,))
    )


async def answer_opinion(programme: Programme, actor: Actor, name: str, answer: str, reason: str) -> None:
    """Say what became of an opinion, with the reason: taken over (tiếp thu) or explained (giải trình)."""
    found = one_opinion(programme, actor, name)
    if found.state != "given":
        raise Closed("Only an opinion that was given is answered.")
    if answer not in set(Answer):
        raise Invalid("Choose one of taken, explained.", field="answer")
    attrs = {"answer": prop(answer), "reason": prop(said(reason, "reason")), "answeredBy": prop(actor.id)}
    await amend(programme, actor, found.id, found.version, "opinion answered", attrs)  # type: ignore[arg-type]


def one_opinion(programme: Programme, actor: Actor, name: str) -> Opinion:
    """One opinion; Missing when there is none."""
    return opinion_of(of_type(programme, actor, "MemberOpinion", name))


def rounds(programme: Programme, actor: Actor, session: str) -> list[Round]:
    """The rounds of a session, in the order in which they were asked."""
    found = programme.hub.find(actor, "OpinionRound", f'session=="{session}"', _MOST)
    return list(readable(sorted(found, key=lambda one: one.created_at), round_of))


def opinions(programme: Programme, actor: Actor, round_: str) -> list[Opinion]:
    """The opinions of a round, in the order of the members."""
    found = readable(programme.hub.find(actor, "MemberOpinion", f'round=="{round_}"', _MOST), opinion_of)
    return sorted(found, key=lambda one: int(one.id.rpartition(":")[2]))
