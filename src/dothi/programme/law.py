"""The verbs on legal bases: keeping them, citing them as Vietnamese law is cited, and what was valid when."""

import dataclasses
import tomllib
from dataclasses import dataclass
from importlib import resources

from dothi.ground.errors import Forbidden, Invalid, Missing
from dothi.ground.ids import urn
from dothi.ground.text import slug
from dothi.hub.language.nodes import Compare, Query, TypeIs
from dothi.hub.model import Actor, Attribute, Change, Commit, Entity, Op, prop, read_one, rel, system
from dothi.programme.model import OWNER, Programme, Provision, provision_of, readable
from dothi.programme.tasks.workflow import check_day

KINDS = {  # What the letters of a document's number stand for.
    "NĐ-CP": "Nghị định",
    "QH14": "Luật",
    "QH15": "Luật",
    "TT": "Thông tư",
    "QĐ": "Quyết định",
    "KH": "Kế hoạch",
    "NQ": "Nghị quyết",
}
_TENDER = system("programme")


def provision_id(provision: Provision) -> str:
    """The entity id of a provision; đ stays apart from d."""
    point = (provision.point or "").lower().replace("đ", "dd")
    parts = (slug(provision.document), f"d{provision.article}", f"k{provision.clause or 0}", point or "0")
    return urn("LegalBasis", *parts)


def cite(provision: Provision) -> str:
    """The citation in Vietnamese, from the smallest part up: điểm đ khoản 2 Điều 6 Nghị định 269/2025/NĐ-CP."""
    parts = [f"điểm {provision.point}"] if provision.point else []
    parts += [f"khoản {provision.clause}"] if provision.clause else []
    parts += [f"Điều {provision.article}", _document(provision.document)]
    text = " ".join(parts)
    return text[0].upper() + text[1:]


def _document(number: str) -> str:
    letters = number.rsplit("/", 1)[-1]
    kind = KINDS.get(letters) or KINDS.get(letters.split("-", 1)[0])
    return f"{kind} {number}" if kind else number


def valid_on(provision: Provision, day: str) -> bool:
    """Whether a provision is in force on a day (yyyy-mm-dd)."""
    starts, ends = provision.valid_from, provision.valid_to
    return (starts is None or starts <= day) and (ends is None or day <= ends)


async def keep_provision(programme: Programme, actor: Actor, provision: Provision, reason: str = "") -> str:
    """Write a provision, or a correction of it; returns its id."""
    name = provision_id(provision)
    values = {
        "document": provision.document,
        "article": provision.article,
        "clause": provision.clause,
        "point": provision.point,
        "title": provision.summary,
        "validFrom": provision.valid_from,
        "validTo": provision.valid_to,
        "citation": cite(provision),
        "sample": provision.sample,
    }
    attrs: dict[str, Attribute] = {key: prop(value) for key, value in values.items() if value is not None}
    if provision.replaced_by:
        attrs["replacedBy"] = rel(provision.replaced_by)
    change = Change(Op.PUT, name, ("LegalBasis",), attrs)
    await programme.hub.commit(Commit(actor, (change,), reason or "legal basis kept", owner=OWNER))
    return name


async def replace(programme: Programme, actor: Actor, name: str, successor: str, last_day: str, reason: str) -> None:
    """Say that a provision ends with `last_day` (yyyy-mm-dd) and which one follows it. Invalid when they form a circle.

    What rests on the old one keeps resting on it, and is told (resting).
    """
    old, following = provision(programme, actor, name), provision(programme, actor, successor)
    if not reason.strip():
        raise Invalid("Name the document that replaces it.", field="reason")
    check_day(last_day, "last_day")
    step: Provision | None = following
    seen = {successor}
    if name == successor:
        raise Invalid("A provision does not follow itself.", field="successor")
    while step is not None and step.replaced_by and step.replaced_by not in seen:
        if step.replaced_by == name:
            raise Invalid(f"{cite(following)} is itself replaced by {cite(old)}.", field="successor")
        seen.add(step.replaced_by)
        step = provision(programme, actor, step.replaced_by)
    ended = dataclasses.replace(old, valid_to=last_day, replaced_by=successor)
    await keep_provision(programme, actor, ended, reason.strip())


def provision(programme: Programme, actor: Actor, name: str) -> Provision:
    """One provision; Missing when there is none."""
    entity = programme.hub.get(actor, name)
    if "LegalBasis" not in entity.types:
        raise Missing(f"{name} is not a legal basis.")
    return read_one(entity, provision_of)


RESTING = ("Scheme", "SchemeTarget", "Plan", "Project", "Task", "Indicator")  # What can rest on a provision.


@dataclass(frozen=True)
class Resting:
    """What rests on a provision: entities of a type, the latest first, and how many there are in all."""

    type: str
    entities: tuple[Entity, ...]
    count: int


def resting(programme: Programme, actor: Actor, name: str, limit: int = 50) -> list[Resting]:
    """Everything that rests on a provision and that `actor` may see, type by type."""
    found = []
    for kind in RESTING:
        term = Compare(("legalBasis",), "==", name)
        query = Query(TypeIs(kind), q=term, limit=limit, count=True, order=("-createdAt",))
        try:
            page = programme.hub.query(actor, query)
        except Forbidden:
            continue
        if page.count:
            found.append(Resting(kind, page.entities, page.count))
    return found


def provisions(programme: Programme, actor: Actor, day: str | None = None) -> list[tuple[str, Provision]]:
    """(id, provision) in the order of the law; those in force on a day, or all."""
    found = list(readable(programme.hub.find(actor, "LegalBasis"), lambda entity: (entity.id, provision_of(entity))))
    return sorted(
        ((name, one) for name, one in found if day is None or valid_on(one, day)), key=lambda pair: pair[1].order
    )


def sample_provisions() -> list[Provision]:
    """The provisions shipped: real places in the law, summarised in our own words and labelled so."""
    text = resources.files("dothi.programme").joinpath("data/law.toml").read_text("utf-8")
    return [Provision(**row, sample=True) for row in tomllib.loads(text)["provision"]]


async def keep_sample_provisions(programme: Programme) -> None:
    """Write the shipped provisions that are not there yet."""
    known = {name for name, _ in provisions(programme, _TENDER)}
    for provision in sample_provisions():
        if provision_id(provision) not in known:
            await keep_provision(programme, _TENDER, provision, "shipped summaries of provisions")
