"""What the pages of consultations share: who may, what stands in first lines, what is wrong and how to mend it."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from dothi.citizens.consultations.model import (
    WHOLE,
    AlreadyDone,
    Article,
    BadDraft,
    Channel,
    Comment,
    Consultation,
    Level,
    LevelTooLow,
    NotOpen,
    Stance,
    State,
)
from dothi.citizens.consultations.text import address_of
from dothi.citizens.consultations.workflow import rules_for
from dothi.citizens.model import NothingSpecific, TooManyReports
from dothi.citizens.needs import Citizens
from dothi.ground.errors import DothiError, Invalid, TooLarge
from dothi.web.page import words
from dothi.web.pages.shown import unit_name
from dothi.web.parts import parts

FAILED = 422
STAFF_ROLES = frozenset({"official", "programme_officer"})
MENDABLE = (Invalid, TooLarge, AlreadyDone, LevelTooLow, NotOpen, TooManyReports)  # Told on the form itself.
LOOKS: Mapping[State, tuple[str, str]] = {  # State → kind and icon; the word stands in the catalogue.
    State.PREPARED: ("grey", "edit"),
    State.OPEN: ("note", "people"),
    State.CLOSED: ("watch", "doing"),
    State.ANSWERED: ("watch", "doing"),
    State.PUBLISHED: ("good", "good"),
}
PROBLEMS: Mapping[type[DothiError], str] = {
    NothingSpecific: "nothing_specific",
    BadDraft: "bad_draft",
    TooLarge: "too_large",
    AlreadyDone: "already",
    LevelTooLow: "level",
    NotOpen: "not_open",
    TooManyReports: "too_many",
}
WHOLE_PART = "toan-van"  # The address of the text as a whole.


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, or one article with its clauses and points, as a page shows it."""

    part: Article
    name: str
    lines: tuple[str, ...]
    below: tuple[tuple[Article, str], ...]  # Clauses and points with their signs: "1.", "đ)".
    comments: int = 0

    @property
    def heading(self) -> bool:
        """Whether it is a chapter or section, on which nobody comments by itself."""
        return self.part.kind in ("chapter", "section")


def ours(request: Request) -> Citizens:
    """The citizens' module of this city."""
    found: Citizens = parts(request).citizens
    return found


def problem_of(request: Request, error: DothiError, found: Consultation | None = None) -> dict[str, str]:
    """What is wrong, by field, in the reader's language."""
    field = str(error.fields.get("field", "form"))
    name = next((key for kind, key in PROBLEMS.items() if isinstance(error, kind)), field)
    key = f"consultations.problem.{name}"
    rules = rules_for(ours(request), found.unit if found else None)
    values = {
        "letters": rules.limits.reason_letters,
        "most": rules.limits.comment_letters,
        "days": rules.least_days,
        "most_days": rules.most_days,
    }
    known = words(request).has(key)
    return {field: words(request).t(key, **values) if known else words(request).t("consultations.problem.form")}


def blocks(found: Consultation, counts: Mapping[str, int]) -> list[Block]:
    """The text as a page shows it; `counts` are comments by reference."""
    listed: list[Block] = []
    tops = [one for one in found.articles if "." not in one.ref]
    for top in tops:
        below = tuple((one, _sign(one)) for one in found.articles if one.ref.startswith(f"{top.ref}."))
        many = sum(counts.get(ref, 0) for ref in (top.ref, *(one.ref for one, _ in below)))
        listed.append(_block(top, below, many))
    return listed


def _block(top: Article, below: tuple[tuple[Article, str], ...], comments: int) -> Block:
    first, *rest = top.text.split("\n")
    titled = top.kind in ("chapter", "section", "article")
    name = f"{top.label}. {first}".rstrip(". ") if titled else top.label
    return Block(top, name, tuple(rest if titled else [first, *rest]), below, comments)


def _sign(one: Article) -> str:
    name = one.label.rpartition(" ")[2]
    return f"{name})" if one.kind == "point" else f"{name}."


def place_name(request: Request, found: Consultation, ref: str) -> str:
    """How a part is called; the whole text by its word."""
    return address_of(found.articles, ref) if ref != WHOLE else words(request).t("consultations.whole")


def top_of(ref: str) -> str:
    """The address of the page of the part that a reference belongs to."""
    return ref.partition(".")[0] or WHOLE_PART


def first_line(request: Request, found: Consultation, now: int) -> str:
    """The answer of a consultation's page: where it stands and until when."""
    here = words(request)
    values = {
        "opens": here.when(found.opens_at),
        "closes": here.when(found.closes_at),
        "left": here.left(found.closes_at, now),
        "answer": here.date(found.answer_by),
        "published": here.date(found.published_at),
        "unit": unit_name(request, found.unit),
    }
    key = "announced" if found.state is State.PREPARED and found.announced else found.state.value
    return here.t(f"consultations.answer.{key}", **values)


def look(request: Request, found: Consultation) -> dict[str, str]:
    """Kind, icon and word of its state."""
    kind, icon = LOOKS[found.state]
    announced = found.state is State.PREPARED and found.announced
    word = words(request).t(f"consultations.state.{'announced' if announced else found.state.value}")
    return {"kind": kind, "icon": icon, "word": word}


def comment_shown(
    request: Request, found: Consultation, one: Comment, supports: Mapping[Level, int]
) -> dict[str, object]:
    """A comment for a page: its words, or the stub with the reason."""
    here, t = words(request), words(request).t
    rules = rules_for(ours(request), found.unit).moderation
    rule = rules.get(one.hidden_for)
    return {
        "one": one,
        "place": place_name(request, found, one.article),
        "stance": t(f"consultations.stance.{one.stance}"),
        "channel": "" if one.channel is Channel.WEB else t(f"consultations.channel.{one.channel}"),
        "level": t(f"consultations.level.{one.level}"),
        "rule": here.pick(rule.names) if rule else one.hidden_for,
        "supports": supports_told(request, supports),
    }


def supports_told(request: Request, supports: Mapping[Level, int]) -> str:
    """How many support it, each level for itself."""
    t = words(request).t
    told = [
        t("consultations.supported", n=supports[level], level=t(f"consultations.level.{level}"))
        for level in Level
        if supports.get(level)
    ]
    return "; ".join(told)


def stances(request: Request) -> list[tuple[str, str]]:
    """The stances for a form."""
    return [(one.value, words(request).t(f"consultations.stance.{one}")) for one in Stance]
