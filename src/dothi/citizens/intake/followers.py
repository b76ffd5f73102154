"""“Me too”: somebody follows a report that stands already, with a code of their own, instead of filing it again."""

import hashlib

from dothi.accounts.model import Identity
from dothi.accounts.vault import keep_identity
from dothi.citizens.intake.codes import (
    KEY,
    codes_of,
    find_by_number,
    follow_key,
    follower_link_code,
    is_key_of,
    is_link_code,
    split_code,
)
from dothi.citizens.intake.filing import TRIES, Filed
from dothi.citizens.model import CONTACT_TYPE, OWNER, TYPE, NoSuchReport, Report
from dothi.citizens.needs import SYSTEM, Citizens
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Missing
from dothi.ground.ids import secret, urn
from dothi.hub.model import ABSENT, Attribute, Commit, Entity, amend, create, prop, rel


async def follow_report(
    citizens: Citizens, number: str, identity: Identity | None = None, key: str | None = None, now: int | None = None
) -> Filed:
    """Follow an open report; the same `key` again returns the first code. The case counts one more.

    NoSuchReport for a number that is none, Conflict when the report is closed: then a new one is filed.
    """
    at, named = now or now_us(), key or secret()
    person = await keep_identity(citizens.vault, identity) if identity is not None else None
    for attempt in range(TRIES):
        code, pin = codes_of(f"follower {named}", attempt)
        filed = Filed(code, f"{code}-{pin[:4]}-{pin[4:]}")
        if _is_known(citizens, filed.follow_code):
            return filed
        report, entity = _open_report(citizens, number)
        told: dict[str, Attribute] = {
            "report": rel(report.id),
            "code": prop(code),
            "followKey": prop(follow_key(code, pin)),
            "followedAt": prop(iso(at)),
        }
        if person is not None:
            told["person"] = rel(person)
        more = int(entity.value("followers", 0)) + 1
        changes = (
            create(urn(CONTACT_TYPE, code), CONTACT_TYPE, **told),
            amend(report.id, followers=prop(more)),
        )
        seen = hashlib.sha256(f"follow {named} {attempt} {report.version}".encode()).hexdigest()
        expect = {urn(CONTACT_TYPE, code): ABSENT, report.id: report.version}
        try:
            await citizens.hub.commit(Commit(SYSTEM, changes, "follow", expect, seen, owner=OWNER))
        except Conflict:
            continue  # Somebody else was quicker, or the number is taken.
        return filed
    raise Conflict("The report is changing all the time. Try again.")


def followed_by(citizens: Citizens, code: str) -> Report:
    """The report that the holder of a follower's code follows. NoSuchReport for any other code."""
    number, pin = split_code(code)
    by_link = is_link_code(follower_link_code(citizens.vault, number), number, pin)
    if len(pin) != KEY and not by_link:
        raise NoSuchReport
    try:
        contact = citizens.hub.get(SYSTEM, urn(CONTACT_TYPE, number))
    except Missing as cause:
        raise NoSuchReport from cause
    if not by_link and not is_key_of(number, pin, contact.value("followKey", "")):
        raise NoSuchReport
    return find_by_number(citizens, str(contact.value("report")).rpartition(":")[2])


def _is_known(citizens: Citizens, code: str) -> bool:
    try:
        followed_by(citizens, code)
    except NoSuchReport:
        return False
    return True


def _open_report(citizens: Citizens, number: str) -> tuple[Report, Entity]:
    report = find_by_number(citizens, number)
    if not report.open:
        raise Conflict("This report is closed already. Send a new one.")
    return report, citizens.hub.get(SYSTEM, urn(TYPE, report.code))
