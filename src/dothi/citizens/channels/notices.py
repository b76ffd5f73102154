"""Who left a contact is told of each step of the report: one message for each step and person, by the outbox."""

import asyncio
from collections.abc import Iterator
from typing import Any, NamedTuple

from dothi.citizens.model import CONTACT_TYPE, TYPE, Report, report_of
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.rules import Rules
from dothi.citizens.rules.notices import Notice
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import Missing
from dothi.ground.text import format_datetime
from dothi.hub.language.nodes import Compare, Query, TypeIs
from dothi.hub.model import Logged, LoggedCommit, default_instance, instance_value
from dothi.office.messages import Draft, Link, Messages, queue

CONSUMER = "citizens.notices"
CURSOR_EVERY = 500  # Commits read without an effect before the position is stored.
CONTACTS_MAX = 1000
LANGUAGE = "vi"  # Nobody is asked for a language when filing.


class Contact(NamedTuple):
    """Somebody to be told: a pseudonym, and the number by which a follower follows; "" for the reporter."""

    person: str
    code: str


async def run(citizens: Citizens, messages: Messages) -> None:
    """Follow the feed until cancelled. To be run by one process, the leader."""
    stored = citizens.hub.cursor(CONSUMER)
    async for logged in citizens.hub.follow(stored, lambda types: TYPE in types):
        drafts = list(news(citizens, logged))
        if drafts or logged.seq - stored >= CURSOR_EVERY:
            await queue(messages, drafts, cursor=(CONSUMER, logged.seq))
            stored = logged.seq
        await asyncio.sleep(0)


def news(citizens: Citizens, logged: LoggedCommit, now: int | None = None) -> Iterator[Draft]:
    """What one commit means for those who want to be told; nothing when it is long past or another tenant's."""
    at = now or now_us()
    if logged.tenant or at - logged.at > citizens.rules.notices.area.news:
        return
    for entry in logged.entries:
        step = instance_value(default_instance(entry.attrs.get("step")), {})
        if TYPE in entry.types and step.get("verb"):
            yield from _told(citizens, entry, step)


def _told(citizens: Citizens, entry: Logged, step: dict[str, Any]) -> Iterator[Draft]:
    try:
        report = report_of(citizens.hub.get(SYSTEM, entry.id))
    except Missing:
        return
    rules = rules_at(citizens, report.unit)
    notice = rules.notices.notices.get(_step_name(entry, step))
    if notice is None or report.imported:
        return
    for one in (report, *(_joined(citizens, report, step["verb"]) if notice.others else ())):
        for contact in contacts_of(citizens, one):
            if contact.code and not notice.others:
                continue  # A follower is not asked, and did not file it.
            yield _draft(citizens, rules, notice, f"{entry.id}@{entry.version}", one, report, contact)


def _step_name(entry: Logged, step: dict[str, Any]) -> str:
    """The verb of a step; filing has one name for each channel that is told otherwise."""
    channel = instance_value(default_instance(entry.attrs.get("channel")), "")
    return f"file by {channel}" if step["verb"] == "file" and channel == "mail" else str(step["verb"])


def _joined(citizens: Citizens, report: Report, verb: str) -> Iterator[Report]:
    """The reports that were joined to this one: their reporters wait for the same.

    A merged report is answered by a step of its own, which tells its reporter.
    """
    query = Query(TypeIs(TYPE), q=Compare(("duplicateOf",), "==", report.code), limit=CONTACTS_MAX)
    found = (report_of(one) for one in citizens.hub.query(SYSTEM, query))
    return (one for one in found if not (one.merged_into and verb == "answer"))


def contacts_of(citizens: Citizens, report: Report) -> list[Contact]:
    """Who wants to be told of a report: its reporter, and who follows it with a number of their own."""
    query = Query(TypeIs(CONTACT_TYPE), q=Compare(("report",), "==", report.id), limit=CONTACTS_MAX)
    kept = [(one.value("person", ""), one.value("code", "")) for one in citizens.hub.query(SYSTEM, query)]
    return sorted(Contact(person, code) for person, code in kept if person)


def _draft(  # A message is these things together.
    citizens: Citizens, rules: Rules, notice: Notice, cause: str, own: Report, moved: Report, contact: Contact
) -> Draft:
    """The message to one person: about their own report, though another one moved."""
    category = rules.categories.get(own.category)
    outcome = rules.notices.outcomes.get(moved.outcome.value, {}) if moved.outcome else {}
    params = {
        "number": own.code,
        "category": category.names[LANGUAGE] if category else own.category,
        "unit": unit_name(citizens, moved.assignee),
        "due": format_datetime(from_iso(moved.handle_by)) if moved.handle_by else "–",
        "outcome": outcome.get(LANGUAGE, "–"),
    }
    links = links_of(own.code, contact.code)
    return Draft(cause, notice.template, own.id, contact.person, params=params, links=links, language=LANGUAGE)


def links_of(number: str, follower: str = "") -> dict[str, Link]:
    """The links of a message about a report: its page and its code, those of a follower by the follower's number."""
    if follower:
        return {"link": Link("follow_other", follower), "code": Link("code_other", follower)}
    return {"link": Link("follow", number), "code": Link("code", number)}


def unit_name(citizens: Citizens, code: str | None) -> str:
    """The name of a unit in the language of messages."""
    if not code:
        return "–"
    try:
        return str(citizens.territory.unit(code).name_in(LANGUAGE))
    except Missing:
        return code
