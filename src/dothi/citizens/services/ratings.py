"""Ratings of a service without an account: one for each device and month, the later one in place of the first."""

import hashlib

from dothi.citizens.model import OWNER, RATING_TYPE
from dothi.citizens.needs import SYSTEM, Citizens, rules_at
from dothi.citizens.services.measures import SERVICE, month_of
from dothi.citizens.services.registry import service
from dothi.ground.clock import iso, now_us
from dothi.ground.errors import Conflict, Invalid
from dothi.ground.ids import urn
from dothi.hub.model import Attribute, Commit, prop, put, rel

STARS = range(1, 6)
TOKEN_LETTERS = 8


async def rate_service(
    citizens: Citizens,
    name: str,
    stars: int,
    token: str,
    unit: str = "",
    group: str = "",
    address: str = "",
    now: int | None = None,
) -> str:
    """Rate a service; returns the rating's id. `token` is a secret of the device.

    It is kept as a hash that differs by service and month, so that ratings of one device cannot be put together.
    Invalid names the field; TooManyReports when one address (forgotten at once) sends too many.
    """
    at = now_us() if now is None else now
    found = service(citizens, name)
    rules = rules_at(citizens, found.unit, at).services
    if found.id == SERVICE:
        raise Conflict("Reporting is rated by those whose report was answered: open your report by its code.")
    if stars not in STARS:
        raise Invalid("Choose from 1 to 5.", field="stars")
    if len(token) < TOKEN_LETTERS:
        raise Invalid("This form is no longer valid: open the page again.", field="token")
    if unit and not citizens.territory.knows(unit):
        raise Invalid("Choose a ward or commune of the list.", field="unit")
    if group and group not in rules.groups:
        raise Invalid("Choose a group of the list.", field="group")
    if address:
        citizens.ratings.take(address, at)
    period = month_of(at)
    mark = hashlib.sha256(f"dothi rating {found.id} {period} {token}".encode()).hexdigest()[:32]
    attrs: dict[str, Attribute] = {
        "service": rel(found.id),
        "stars": prop(stars),
        "ratedAt": prop(iso(at)),
        "period": prop(period),
        "channel": prop("page"),
    }
    attrs |= {key: prop(value) for key, value in {"unit": unit, "group": group}.items() if value}
    name_of_rating = urn(RATING_TYPE, found.name, period, mark)
    change = put(name_of_rating, RATING_TYPE, **attrs)
    await citizens.hub.commit(Commit(SYSTEM, (change,), "a service is rated", owner=OWNER))
    return name_of_rating
