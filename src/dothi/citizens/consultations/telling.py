"""Who left a contact with a comment is told: of the published answer, of hiding, and of what became of the appeal."""

import asyncio
from collections.abc import Iterator

from dothi.citizens.consultations.model import AUTHOR, COMMENT, Comment, comment_of
from dothi.citizens.consultations.workflow import find
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.errors import Missing
from dothi.hub.language.nodes import Compare, Query, TypeIs
from dothi.hub.model import LoggedCommit, default_instance, instance_value
from dothi.office.messages import Draft, Link, Messages, queue

CONSUMER = "consultations.telling"
CURSOR_EVERY = 500  # Commits read without an effect before the position is stored.
TEMPLATES = {  # Step of a comment → what its author is told.
    "answered": "consultation.answered",
    "hide": "consultation.hidden",
    "granted": "consultation.shown",
    "restore": "consultation.shown",
    "refused": "consultation.refused",
}


async def run(citizens: Citizens, messages: Messages) -> None:
    """Follow the feed until cancelled. To be run by one process, the leader."""
    stored = citizens.hub.cursor(CONSUMER)
    async for logged in citizens.hub.follow(stored, lambda types: COMMENT in types):
        drafts = list(news(citizens, logged))
        if drafts or logged.seq - stored >= CURSOR_EVERY:
            await queue(messages, drafts, cursor=(CONSUMER, logged.seq))
            stored = logged.seq
        await asyncio.sleep(0)


def news(citizens: Citizens, logged: LoggedCommit) -> Iterator[Draft]:
    """What one commit means for the authors of its comments."""
    for entry in logged.entries:
        step = instance_value(default_instance(entry.attrs.get("step")), {})
        template = TEMPLATES.get(step.get("verb", ""))
        if template is None or COMMENT not in entry.types or logged.tenant:
            continue
        try:
            one = comment_of(citizens.hub.get(SYSTEM, entry.id))
        except Missing:
            continue
        for person in _people(citizens, one):
            yield _draft(citizens, one, f"{entry.id}@{entry.version}", template, person)


def _people(citizens: Citizens, one: Comment) -> list[str]:
    query = Query(TypeIs(AUTHOR), q=Compare(("comment",), "==", one.id), limit=10)
    return sorted({found.value("person") for found in citizens.hub.query(SYSTEM, query)})


def _draft(citizens: Citizens, one: Comment, cause: str, template: str, person: str) -> Draft:
    key = one.consultation.rpartition(":")[2]
    page = "results" if template == "consultation.answered" else "log"
    params = {"number": one.number, "title": find(citizens, SYSTEM, key).title}
    links = {"link": Link("page", f"/consultations/{key}/{page}")}
    return Draft(cause, template, one.id, person, params=params, links=links)
