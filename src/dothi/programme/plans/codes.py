"""Stable identifiers: one readable code for each scheme, plan and project, given in order and never given again.

Decree 269/2025/NĐ-CP, article 21(3) asks for a unique identifier of each plan and project. The code is the entity's id
too, and nothing of these types is ever deleted, so that a code names one thing for ever.
"""

from dothi.ground.errors import Conflict, Invalid
from dothi.ground.ids import urn
from dothi.hub.language.nodes import Query, TypeIs
from dothi.hub.model import ABSENT, Actor, Attribute, Change, Commit, Op, prop, system
from dothi.programme.model import OWNER, Programme

PREFIXES = {"Scheme": "DEAN", "Plan": "KH", "Project": "DUAN"}  # Đề án, kế hoạch, dự án; without marks, to be typed.
_DIGITS = 3
_FIRST_YEAR, _LAST_YEAR = 2000, 2100
_TRIES = 20
_SYSTEM = system("programme")


def entity_of(kind: str, code: str) -> str:
    """The entity id of a code, e.g. KH-46-2026-001."""
    return urn(kind, code)


async def create_coded(  # What is written, where, and by whom.
    programme: Programme,
    actor: Actor,
    kind: str,
    unit: str,
    year: int,
    attrs: dict[str, Attribute],
    reason: str,
    key: str | None = None,
) -> str:
    """Create an entity under the next free code of its unit and year; returns its id.

    A repeat with `key` gives the same.
    """
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise Invalid(f"{year} is no year of a plan: give one from {_FIRST_YEAR} to {_LAST_YEAR}.", field="year")
    for _ in range(_TRIES):
        code = next_code(programme, kind, unit, year)
        name = entity_of(kind, code)
        change = Change(Op.CREATE, name, (kind,), {**attrs, "code": prop(code)})
        commit = Commit(actor, (change,), reason, {name: ABSENT}, key=key, owner=OWNER)
        try:
            receipt = await programme.hub.commit(commit)
        except Conflict:  # Somebody took this number at the same moment.
            continue
        return receipt.results[0].id
    raise Conflict("Too many are being written at once. Send this one again.")


def next_code(programme: Programme, kind: str, unit: str, year: int) -> str:
    """The code after the last one given in this unit and year, whoever gave it."""
    start = f"{PREFIXES[kind]}-{unit}-{year}-"
    given = programme.hub.query(_SYSTEM, Query(TypeIs(kind), id_pattern=f"^{entity_of(kind, start)}", limit=10_000))
    last = max((int(one.id.rpartition("-")[2]) for one in given), default=0)
    return f"{start}{last + 1:0{_DIGITS}d}"
