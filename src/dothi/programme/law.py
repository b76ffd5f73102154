"""The verbs on legal bases: keeping them, citing them as Vietnamese law is cited, and what was valid when."""

import tomllib
from importlib import resources

from dothi.ground.ids import urn
from dothi.ground.text import slug
from dothi.hub.model import Actor, Attribute, Change, Commit, Op, prop, system
from dothi.programme.model import OWNER, Programme, Provision, provision_of, readable

KINDS = {  # What the letters of a document's number stand for.
    "NĐ-CP": "Nghị định",
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
    change = Change(Op.PUT, name, ("LegalBasis",), attrs)
    await programme.hub.commit(Commit(actor, (change,), reason or "legal basis kept", owner=OWNER))
    return name


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
