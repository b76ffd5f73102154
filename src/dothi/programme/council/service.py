"""The verbs of a council: keep a body, call a session, add to its dossier, conclude, and read what became of it."""

from collections.abc import Iterable
from dataclasses import replace

from dothi.ground.clock import from_iso, iso, now_us
from dothi.ground.errors import Invalid
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Commit, create, json_prop, prop, put, rel
from dothi.programme.council.model import (
    AGENDA_MAX,
    FILES_MAX,
    MEMBERS_MAX,
    TITLE_MAX,
    Body,
    BodyKind,
    Closed,
    Conclusion,
    File,
    Member,
    Session,
    amend,
    body_of,
    conclusion_of,
    file_rows,
    of_type,
    said,
    session_of,
)
from dothi.programme.model import OWNER, NewTask, Programme, Task, readable
from dothi.programme.tasks import service as tasks

_MOST = 2000


async def keep_body(
    programme: Programme, actor: Actor, name: str, kind: str, unit: str, members: Iterable[Member], key: str = ""
) -> str:
    """Write a council or working group with its members, or write it anew (same `key`); returns its id."""
    seats = tuple(members)
    if kind not in set(BodyKind):
        raise Invalid(f"“{kind[:20]}” is no kind of body: council or group.", field="kind")
    if not seats or len(seats) > MEMBERS_MAX:
        raise Invalid(f"A body has 1 to {MEMBERS_MAX} members.", field="members")
    for one in seats:
        said(one.position, "members", TITLE_MAX)
        _known_unit(programme, one.unit, "members")
    rows = [{"position": one.position.strip(), "unit": one.unit, "user": one.user} for one in seats]
    entity_id = urn("CoordinationBody", *([key] if key else []))
    change = put(
        entity_id,
        "CoordinationBody",
        name=prop(said(name, "name", TITLE_MAX)),
        kind=prop(kind),
        unit=prop(_known_unit(programme, unit, "unit")),
        members=json_prop(rows),
    )
    await programme.hub.commit(Commit(actor, (change,), "coordination body kept", owner=OWNER))
    return entity_id


def _known_unit(programme: Programme, code: str, field: str) -> str:
    if programme.territory is not None and not programme.territory.knows(code):
        raise Invalid(f"“{code[:20]}” is no unit: choose one of the list.", field=field)
    return code


async def call_session(
    programme: Programme,
    actor: Actor,
    body: str,
    title: str,
    held_at: str,
    agenda: Iterable[str] = (),
    files: tuple[File, ...] = (),
) -> str:
    """Call a session of a body with its agenda and dossier; returns its id. `held_at` is an ISO 8601 date-time."""
    found = body_of(of_type(programme, actor, "CoordinationBody", body))
    points = [one.strip() for one in agenda if one.strip()]
    if len(points) > AGENDA_MAX or len(files) > FILES_MAX:
        raise Invalid(f"An agenda has at most {AGENDA_MAX} points and {FILES_MAX} files.", field="agenda")
    change = create(
        urn("CouncilSession"),
        "CouncilSession",
        body=rel(body),
        title=prop(said(title, "title", TITLE_MAX)),
        heldAt=prop(iso(_instant(held_at))),
        agenda=json_prop(points),
        dossier=json_prop(file_rows(files)),
        unit=prop(found.unit),
    )
    _held(programme, files)
    await programme.hub.commit(Commit(actor, (change,), "session called", owner=OWNER))
    return change.id


def _instant(text: str) -> int:
    try:
        return from_iso(text if "+" in text or text.endswith("Z") or "T" not in text else f"{text}+07:00")
    except ValueError as cause:
        raise Invalid(f"“{text[:40]}” is no day and time.", field="held_at") from cause


def _held(programme: Programme, files: tuple[File, ...]) -> None:
    """Missing when the hub does not hold one of the files."""
    for one in files:
        programme.hub.read_file(one.sha256)


async def add_files(programme: Programme, actor: Actor, session: str, files: tuple[File, ...]) -> None:
    """Add files to the dossier of a session; what is there already is not added twice."""
    found = one_session(programme, actor, session)
    known = {one.sha256 for one in found.dossier}
    whole = (*found.dossier, *(one for one in files if one.sha256 not in known))
    if not files or len(whole) > FILES_MAX:
        raise Invalid(f"Attach 1 to {FILES_MAX} files.", field="files")
    _held(programme, files)
    attrs = {"dossier": json_prop(file_rows(whole))}
    await amend(programme, actor, found.id, found.version, "dossier extended", attrs)  # type: ignore[arg-type]


async def conclude(
    programme: Programme,
    actor: Actor,
    session: str,
    words: str,
    new: NewTask | None,
    key: str = "",
    now: int | None = None,
) -> str:
    """Record a conclusion, and in the same step issue the task that it asks for; returns the conclusion's id.

    The task comes first and carries the session and the conclusion as its sources: what is not clear in all five
    writes nothing at all. `key` makes a repeat harmless. Closed before the session has begun.
    """
    at = now_us() if now is None else now
    found = one_session(programme, actor, session)
    if from_iso(found.held_at) > at:
        raise Closed(f"The session is on {found.held_at}: it concludes when it has begun.", field="session")
    entity_id = urn("Conclusion", *([key] if key else []))
    text = said(words, "words")
    task = None
    if new is not None:
        whole = replace(new, sources=(*new.sources, session, entity_id))
        task = await tasks.issue_task(programme, actor, whole, f"conclusion:{entity_id}", at)
    change = create(
        entity_id, "Conclusion", session=rel(session), title=prop(text), at=prop(iso(at)), unit=prop(found.unit)
    )
    if task:
        change.attrs["task"] = rel(task)
    await programme.hub.commit(
        Commit(actor, (change,), "conclusion recorded", {entity_id: ABSENT}, key=f"concluded:{entity_id}", owner=OWNER)
    )
    return entity_id


async def conclusion_to_task(
    programme: Programme, actor: Actor, conclusion: str, new: NewTask, now: int | None = None
) -> str:
    """Issue the task of a conclusion that was recorded without one; returns its id. Closed when it has one."""
    entity = of_type(programme, actor, "Conclusion", conclusion)
    found = conclusion_of(entity)
    if found.task:
        raise Closed("This conclusion has become a task already.")
    whole = replace(new, sources=(*new.sources, found.session, found.id))
    task = await tasks.issue_task(programme, actor, whole, f"conclusion:{found.id}", now)
    await amend(programme, actor, found.id, entity.version, "conclusion became a task", {"task": rel(task)})
    return task


def bodies(programme: Programme, actor: Actor) -> list[Body]:
    """Every council and working group, by name."""
    found = readable(programme.hub.find(actor, "CoordinationBody", limit=_MOST), body_of)
    return sorted(found, key=lambda one: (one.kind, one.name))


def one_session(programme: Programme, actor: Actor, name: str) -> Session:
    """One session; Missing when there is none."""
    return session_of(of_type(programme, actor, "CouncilSession", name))


def sessions(programme: Programme, actor: Actor) -> list[Session]:
    """Sessions, the newest first."""
    return list(readable(programme.hub.find(actor, "CouncilSession", limit=_MOST, order=("-heldAt",)), session_of))


def conclusions(programme: Programme, actor: Actor, session: str = "") -> list[tuple[Conclusion, Task | None]]:
    """What was concluded, in its order, each with the task that it became (None: none, or not to be seen)."""
    q = f'session=="{session}"' if session else ""
    found = list(readable(programme.hub.find(actor, "Conclusion", q, _MOST), conclusion_of))
    by_id = {one.id: one for one in tasks.tasks(programme, actor)} if any(one.task for one in found) else {}
    return [(one, by_id.get(one.task or "")) for one in sorted(found, key=lambda one: one.at)]
