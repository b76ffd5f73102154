"""The verbs on directives: take a document in, and confirm, correct or reject what it is read to ask."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from dothi.accounts.organisations import organisations
from dothi.ground.clock import now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.ids import urn
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, create, json_prop, prop, rel
from dothi.programme.council.model import Closed, amend, of_type, said
from dothi.programme.directives.grammar import Found, obligations
from dothi.programme.directives.model import (
    CONFIRMED,
    PROPOSED,
    REJECTED,
    Directive,
    Obligation,
    directive_of,
    obligation_of,
)
from dothi.programme.directives.reading import Read, read_document
from dothi.programme.directives.units import Resolved, resolve
from dothi.programme.model import OWNER, NewTask, Programme, readable
from dothi.programme.tasks import service as tasks
from dothi.territory import Territory

OBLIGATIONS_MAX = 300
_MOST = 2000


async def take_in(
    programme: Programme, actor: Actor, content: bytes, name: str, unit: str, read: Read | None = None
) -> str:
    """Take a .docx or PDF in: kept by its hash, read, and its obligations proposed; returns the directive's id.

    Invalid (with `problem`) says what is wrong with the file. Closed when this very file was taken in already.
    """
    found = read if read is not None else await asyncio.to_thread(read_document, content)
    digest, text = programme.hub.keep_file(content), programme.hub.keep_file(found.text.encode())
    directive_id = urn("Directive", digest[:24])
    asked = (await asyncio.to_thread(obligations, found.text, found.day, programme.calendar))[:OBLIGATIONS_MAX]
    attrs: dict[str, Attribute] = {
        "title": prop(_named(found.subject or found.number or name)),
        "file": json_prop({"sha256": digest, "name": name[:200], "mediaType": found.media_type, "text": text}),
        "unit": prop(unit),
    }
    if found.number:
        attrs["document"] = prop(found.number)
    if found.day:
        attrs["issuedOn"] = prop(found.day.isoformat())
    changes = [create(directive_id, "Directive", **attrs)]
    changes += [_proposed(programme, directive_id, unit, number, one) for number, one in enumerate(asked, 1)]
    try:
        await programme.hub.commit(
            Commit(actor, tuple(changes), "directive taken in", {directive_id: ABSENT}, owner=OWNER)
        )
    except Conflict as cause:
        raise Closed("This file was taken in already.", problem="known", id=directive_id) from cause
    return directive_id


def _named(text: str) -> str:
    return text[:1].upper() + text[1:500]


def _proposed(programme: Programme, directive: str, unit: str, number: int, found: Found) -> Change:
    home = unit[:2]
    lead = meaning(programme, home, found.lead)
    with_codes = [meaning(programme, home, one).code for one in found.cooperating]
    units = _where(programme, lead, home)
    reasons = [*found.reasons, *(["many_units"] if lead.many else [] if lead.code else ["no_unit"])]
    attrs: dict[str, Attribute] = {
        "directive": rel(directive),
        "title": prop(found.action[:500]),
        "quote": prop(found.quote),
        "place": json_prop({"start": found.start, "end": found.end, "paragraph": found.paragraph}),
        "body": prop(found.lead),
        "lead": prop(lead.code),
        "units": json_prop(units),
        "cooperating": json_prop([one for one in dict.fromkeys(with_codes) if one and one != lead.code]),
        "dueDay": prop(found.due.isoformat() if found.due else ""),
        "dueWords": prop(found.due_words),
        "output": prop(found.product),
        "confidence": prop(found.confidence),
        "reasons": json_prop(reasons),
        "state": prop(PROPOSED),
        "unit": prop(unit),
    }
    tail = directive.rpartition(":")[2]
    return create(urn("Obligation", tail, f"{number:03}"), "Obligation", **attrs)


def meaning(programme: Programme, home: str, name: str) -> Resolved:
    """Which unit or organisation a name means in the province `home`."""
    territory = programme.territory
    if not isinstance(territory, Territory):
        return Resolved(name)
    return resolve(territory, home, name, organisations(programme.hub))


def _where(programme: Programme, lead: Resolved, home: str) -> list[str]:
    """Where it is carried out: every commune, where all are told; else the unit itself or that of the organisation."""
    if lead.many and programme.territory is not None:
        return [one.code for one in programme.territory.communes_of(home)]
    code = lead.code.partition(".")[0] or home
    return [code] if code else []


async def correct_head(
    programme: Programme, actor: Actor, name: str, number: str, issued_on: str, title: str, legal_basis: str = ""
) -> None:
    """Correct number, day or subject of a directive, or tie it to a legal basis, as a person reads them."""
    entity = of_type(programme, actor, "Directive", name)
    if issued_on:
        try:
            date.fromisoformat(issued_on)
        except ValueError as cause:
            raise Invalid("Write the day as 2026-12-31.", field="issued_on") from cause
    attrs: dict[str, Attribute] = {
        "title": prop(said(title, "title", 500)),
        "document": prop(number.strip()[:100]),
        "issuedOn": prop(issued_on),
    }
    if legal_basis:
        of_type(programme, actor, "LegalBasis", legal_basis)
        attrs["legalBasis"] = rel(legal_basis)
    await amend(programme, actor, name, entity.version, "directive corrected", attrs)


async def confirm(programme: Programme, actor: Actor, name: str, new: NewTask, now: int | None = None) -> str:
    """A person confirms an obligation, as it was read or corrected: it becomes a task; returns the task's id.

    The task carries the obligation (with the quote) and the directive as sources, and the directive's legal basis.
    Invalid says what is not clear in all five; Closed when it was decided already.
    """
    found = _undecided(programme, actor, name)
    directive = one_directive(programme, actor, found.directive)
    basis = new.legal_basis or directive.legal_basis
    whole = replace(new, sources=(*new.sources, name, found.directive), legal_basis=basis)
    at = now_us() if now is None else now
    task = await tasks.issue_task(programme, actor, whole, f"obligation:{name}", at)
    corrected: dict[str, Attribute] = {
        "state": prop(CONFIRMED),
        "task": rel(task),
        "decidedBy": prop(actor.id),
        "title": prop(new.title.strip()),
        "lead": prop(new.lead),
        "units": json_prop(list(new.units)),
        "cooperating": json_prop(list(new.cooperating)),
        "dueDay": prop(new.due[:10]),
        "output": prop(new.output.strip()),
    }
    await amend(programme, actor, name, found.version, "obligation confirmed", corrected)
    return task


async def reject(programme: Programme, actor: Actor, name: str, reason: str) -> None:
    """A person says that the sentence asks nothing of us, and why."""
    found = _undecided(programme, actor, name)
    attrs: dict[str, Attribute] = {
        "state": prop(REJECTED),
        "reason": prop(said(reason, "reason")),
        "decidedBy": prop(actor.id),
    }
    await amend(programme, actor, name, found.version, "obligation rejected", attrs)


def _undecided(programme: Programme, actor: Actor, name: str) -> Obligation:
    found = obligation_of(of_type(programme, actor, "Obligation", name))
    if found.state != PROPOSED:
        raise Closed(f"This obligation was {found.state} already.")
    return found


def one_directive(programme: Programme, actor: Actor, name: str) -> Directive:
    """One directive; Missing when there is none."""
    return directive_of(of_type(programme, actor, "Directive", name))


def directives(programme: Programme, actor: Actor) -> list[tuple[Directive, int, int]]:
    """(directive, obligations that wait, obligations in all), the newest first."""
    found = readable(programme.hub.find(actor, "Directive", limit=_MOST, order=("-createdAt",)), directive_of)
    every = list(readable(programme.hub.find(actor, "Obligation", limit=20_000), obligation_of))
    return [(one, *_counted(every, one.id)) for one in found]


def _counted(every: Iterable[Obligation], directive: str) -> tuple[int, int]:
    of = [one for one in every if one.directive == directive]
    return sum(one.state == PROPOSED for one in of), len(of)


def proposed(programme: Programme, actor: Actor, directive: str) -> list[Obligation]:
    """The obligations of a directive in the order of its text."""
    found = programme.hub.find(actor, "Obligation", f'directive=="{directive}"', OBLIGATIONS_MAX)
    return sorted(readable(found, obligation_of), key=lambda one: one.start)
