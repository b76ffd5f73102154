"""Where residents speak: a comment beside its article, a support, and what became of one's own comment."""

from collections.abc import Mapping
from functools import partial
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from dothi.accounts.model import Identity
from dothi.citizens.api.reports import address_of
from dothi.citizens.consultations import commenting, reading
from dothi.citizens.consultations.commenting import Said
from dothi.citizens.consultations.model import WHOLE, Comment, Consultation, NoSuchComment, Stance
from dothi.citizens.consultations.workflow import comments_of, rules_for
from dothi.citizens.rules import HIDDEN
from dothi.ground.clock import now_us
from dothi.ground.errors import DothiError, Invalid
from dothi.ground.ids import secret
from dothi.web.page import Page, redirect, render, visit, words
from dothi.web.pages.consultations.public import about, seen
from dothi.web.pages.consultations.shown import (
    FAILED,
    MENDABLE,
    WHOLE_PART,
    Block,
    blocks,
    comment_shown,
    ours,
    place_name,
    problem_of,
    stances,
    top_of,
)

HONEYPOT = "website"  # People do not see this field; programs that fill every field do.
SAID = ("words", "article", "stance", "phone", "email", "key")
LISTED = 200


async def part(request: Request) -> Response:
    """What does this article say, what do others think, and what do I?"""
    return _part(request, seen(request), str(request.path_params["part"]), {}, {})


def _part(
    request: Request, found: Consultation, ref: str, values: Mapping[str, str], problems: Mapping[str, str]
) -> Response:
    whole = ref == WHOLE_PART
    block = next((one for one in blocks(found, {}) if one.part.ref == ref), None)
    if block is None and not whole:
        raise NoSuchComment
    mine = [one for one in comments_of(ours(request), found) if top_of(one.article) == ref]
    supports = reading.supports_by_comment(ours(request), found)
    shown = [comment_shown(request, found, one, supports.get(one.number, {})) for one in reversed(mine)]
    filled = {name: values.get(name, "") for name in SAID} | {"key": values.get("key") or secret()}
    return render(
        request,
        "consultations/part.html",
        FAILED if problems else 200,
        block=block,
        name=block.name if block else words(request).t("consultations.whole"),
        choices=_choices(request, found, block),
        comments=shown[:LISTED],
        count=len(shown),
        values=filled,
        problems=problems,
        stances=stances(request),
        limit=rules_for(ours(request), found.unit).limits.comment_letters,
        signed_in=visit(request).actor.id != "anonymous",
        ref=ref,
        others=_others(found, ref),
        **about(request, found),
    )


def _choices(request: Request, found: Consultation, block: Block | None) -> list[tuple[str, str]]:
    """The parts of this article that one can speak about."""
    if block is None:
        return [(WHOLE, words(request).t("consultations.whole"))]
    return [
        (block.part.ref, words(request).t("consultations.part.all_of", name=block.part.label)),
        *((one.ref, place_name(request, found, one.ref)) for one, _ in block.below),
    ]


def _others(found: Consultation, ref: str) -> tuple[str, str]:
    """The addresses of the articles before and after."""
    refs = [one.part.ref for one in blocks(found, {}) if not one.heading]
    at = refs.index(ref) if ref in refs else -1
    return (refs[at - 1] if at > 0 else "", refs[at + 1] if 0 <= at < len(refs) - 1 else "")


async def send(request: Request) -> Response:
    """File the comment, or say what to mend beside the article; a second click files nothing new."""
    form = await request.form()
    values = {name: str(form.get(name, "")).strip() for name in SAID}
    found = seen(request)
    try:
        if form.get(HONEYPOT):
            raise Invalid(field="form")
        address = address_of(request)
        ours(request).voices.take(address, now_us())
        stance = Stance(values["stance"]) if values["stance"] in tuple(Stance) else Stance.OTHER
        said = Said(values["words"], values["article"], stance, _identity(values), values["key"] or None)
        sent = await commenting.comment(ours(request), visit(request).actor, found.key, said, address)
    except MENDABLE as error:
        return _part(request, found, top_of(values["article"]), values, problem_of(request, error, found))
    return redirect(request, f"/consultations/sent/{sent.follow_code}")


def _identity(values: Mapping[str, str]) -> Identity | None:
    who = Identity(phone=values["phone"], email=values["email"])
    return who if who != Identity() else None


def mine(request: Request) -> tuple[Comment, Consultation]:
    """The comment of the code in the address, and its consultation; guesses are counted."""
    ours(request).guesses.take(address_of(request), now_us())
    one = commenting.find_by_code(ours(request), str(request.path_params["voice"]))
    return one, reading.visible(ours(request), one.consultation.rpartition(":")[2])


async def sent(request: Request) -> Response:
    """The comment has arrived: its code, and when the answer is due."""
    one, found = mine(request)
    return render(
        request,
        "consultations/sent.html",
        comment=one,
        code=request.path_params["voice"],
        masked=HIDDEN in one.words,
        place=place_name(request, found, one.article),
        back=top_of(one.article),
        **about(request, found),
    )


async def follow(request: Request) -> Response:
    """Which comment? Its code."""
    code = request.query_params.get("code", "")
    problems = {}
    if code:
        ours(request).guesses.take(address_of(request), now_us())
        try:
            commenting.find_by_code(ours(request), code)
        except NoSuchComment:
            problems = {"code": words(request).t("consultations.problem.code")}
        else:
            typed = "".join(letter for letter in code.upper() if letter.isalnum())
            return redirect(request, f"/consultations/mine/{typed}")
    return render(request, "consultations/follow.html", FAILED if problems else 200, code=code, problems=problems)


async def followed(request: Request) -> Response:
    """What became of my comment?"""
    return _followed(request, {}, "")


def _followed(request: Request, problems: Mapping[str, str], said: str) -> Response:
    one, found = mine(request)
    shown = comment_shown(request, found, one, reading.supports_by_comment(ours(request), found).get(one.number, {}))
    return render(
        request,
        "consultations/followed.html",
        FAILED if problems else 200,
        shown=shown,
        comment=one,
        code=request.path_params["voice"],
        answered=reading.answer_to(ours(request), found, one),
        problems=problems,
        said=said,
        **about(request, found),
    )


async def appeal(request: Request) -> Response:
    """The author of a hidden comment asks once for another look."""
    said = str((await request.form()).get("words", ""))
    ours(request).guesses.take(address_of(request), now_us())
    code = str(request.path_params["voice"])
    try:
        await commenting.appeal(ours(request), code, said)
    except MENDABLE as error:
        return _followed(request, problem_of(request, error), said)
    return redirect(request, f"/consultations/mine/{code}", "consultations.done.appealed")


async def support(request: Request) -> Response:
    """One more who thinks the same."""
    form = await request.form()
    found, number = seen(request), str(request.path_params["number"])
    part_asked = str(form.get("part", WHOLE_PART))
    back = f"/consultations/{found.key}/part/{quote(part_asked)}"
    identity = _identity({"phone": str(form.get("phone", "")).strip(), "email": ""})
    address = address_of(request)
    try:
        ours(request).voices.take(address, now_us())
        level = await commenting.support(ours(request), visit(request).actor, found.key, number, identity, address)
    except MENDABLE as error:
        return _told(request, back, error)
    word = words(request).t(f"consultations.level.{level}")
    return redirect(request, f"{back}#{number}", "consultations.done.supported", level_word=word)


def _told(request: Request, back: str, error: DothiError) -> Response:
    name = next(iter(problem_of(request, error).values()))
    return redirect(request, back, "consultations.said", "warning", words=name)


_page = partial(Page, page=False)
PAGES = (
    Page("/consultations/follow", follow, "consultations.follow.title"),
    Page("/consultations/sent/{voice}", sent, "consultations.sent.title"),
    Page("/consultations/mine/{voice}", followed, "consultations.mine.title"),
    _page("/consultations/mine/{voice}/appeal", appeal, "consultations.mine.title", methods=("POST",)),
    Page("/consultations/{consultation}/part/{part}", part, "consultations.part.title", sample={"part": "dieu-1"}),
    _page("/consultations/{consultation}/comment", send, "consultations.part.title", methods=("POST",)),
    _page("/consultations/{consultation}/support/{number}", support, "consultations.part.support", methods=("POST",)),
)
