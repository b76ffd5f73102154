"""What the report form brings, read once: values, answers, photos kept between steps, and what stands in the way."""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from starlette.datastructures import FormData
from starlette.requests import Request

from dothi.accounts.model import Identity
from dothi.citizens.intake.codes import find_by_number
from dothi.citizens.intake.duplicates import Matter, Near, nearby
from dothi.citizens.intake.filing import Filing, Kept, check_filing, keep_photos, routing
from dothi.citizens.intake.hints import Told, check_identity, identity_needed, refuse_secrets, told
from dothi.citizens.model import NoSuchReport
from dothi.citizens.needs import Citizens, rules_at
from dothi.citizens.problems.model import Problem
from dothi.citizens.problems.register import problem_near
from dothi.citizens.rules import Rules
from dothi.citizens.rules.intake.identity import Need
from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid, TooLarge
from dothi.ground.ids import secret
from dothi.office.photos import PHOTO_BYTES, Upload
from dothi.web.page import visit
from dothi.web.pages.citizens.report import ours, uploads

FIELDS = ("category", "description", "unit", "place_words", "lon", "lat", "name", "phone", "email", "key", "province")
MORE = ("again", "channel", "consent")
TOPICS = ("channels", "near", "problem", "personal")
ANSWER = "q-"  # Before the name of a question's field.


@dataclass(frozen=True)
class Sent:
    """One sending of the form; `kept` are photos that stand in the hub already, `shown` what the person has read."""

    values: Mapping[str, str]
    answers: Mapping[str, str]
    kept: tuple[Kept, ...] = ()
    photos: tuple[Upload, ...] = ()
    shown: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """What makes a repeat harmless."""
        return self.values["key"]


@dataclass(frozen=True)
class Before:
    """What is said before sending: other channels, personal data, the same matter nearby; `topics` not yet read."""

    told: Told
    near: tuple[Near, ...]
    topics: frozenset[str] = field(default_factory=frozenset)
    problem: Problem | None = None  # The confirmed problem that stands, or stood, at this place.

    @property
    def again(self) -> str:
        """The number of the answered report that this one may be about again; "" when there is none."""
        return next((one.report.code for one in self.near if one.answered), "")


def rules_for(citizens: Citizens, values: Mapping[str, str]) -> Rules:
    """The rules in force for what was chosen: the commune, else the province, else the whole city."""
    named = (values.get("unit", ""), values.get("province", ""))
    return rules_at(citizens, next((code for code in named if code and citizens.territory.knows(code)), None))


async def read(request: Request) -> tuple[Sent, FormData]:
    """The form as it was sent. Photos are not looked at yet."""
    form = await request.form()
    values = {name: str(form.get(name, "")).strip() for name in (*FIELDS, *MORE)}
    values["key"] = values["key"] or secret()
    end = f"-{values['category']}"  # Each category has fields of its own for a question that several ask.
    answers = {
        name.removeprefix(ANSWER).removesuffix(end): value
        for name, value in form.multi_items()
        if name.startswith(ANSWER) and name.endswith(end) and isinstance(value, str) and value
    }
    kept = _unsealed(ours(request), values["key"], str(form.get("kept", "")))
    photos = await uploads(form, "photos", PHOTO_BYTES)
    shown = frozenset(str(one) for one in form.getlist("shown")) & frozenset(TOPICS)
    return Sent(values, answers, kept, photos, shown), form


async def with_photos(citizens: Citizens, sent: Sent) -> Sent:
    """The same with its photos cleaned and kept, so that no step asks for them again. BadFile names a bad one.

    StateSecret before anything is kept.
    """
    words = (sent.values["description"], sent.values["place_words"])
    await refuse_secrets(citizens, rules_for(citizens, sent.values), sent.values["category"], now_us(), *words)
    most = rules_for(citizens, sent.values).limits.photos
    if len(sent.kept) + len(sent.photos) > most:
        raise Invalid(f"A report holds up to {most} photos.", field="photos")
    more = await keep_photos(citizens.hub, sent.photos)
    return Sent(sent.values, sent.answers, (*sent.kept, *more), (), sent.shown)


def sealed(citizens: Citizens, sent: Sent) -> str:
    """The photos kept so far as a hidden field carries them: signed, so that nobody names a photo of somebody else."""
    if not sent.kept:
        return ""
    text = base64.urlsafe_b64encode(json.dumps([dict(one) for one in sent.kept]).encode()).decode()
    return f"{text}.{_sign(citizens, sent.key, text)}"


def _unsealed(citizens: Citizens, key: str, text: str) -> tuple[Kept, ...]:
    """What `sealed` made, () for anything else."""
    body, _, signature = text.partition(".")
    if not body or not hmac.compare_digest(_sign(citizens, key, body).encode(), signature.encode()):
        return ()
    try:
        return tuple(json.loads(base64.urlsafe_b64decode(body)))
    except (ValueError, binascii.Error):
        return ()


def _sign(citizens: Citizens, key: str, text: str) -> str:
    return citizens.vault.tag("photos of a form", f"{key}.{text}").hex()


def filing_of(request: Request, sent: Sent, *, assisted: bool = False) -> Filing:
    """What is to be filed. Invalid for a category that is missing and a place that is none."""
    values = sent.values
    if not values["category"]:
        raise Invalid(field="category")
    try:
        lon, lat = (float(values[name]) if values[name] else None for name in ("lon", "lat"))
    except ValueError as cause:
        raise Invalid(field="place") from cause
    name, account = (values["name"], "") if assisted else ("", _me(request, values))
    who = Identity(name, values["phone"], values["email"], account)
    return Filing(
        values["category"],
        values["description"],
        lon,
        lat,
        values["unit"] or None,
        values["place_words"],
        (),
        who if who != Identity() else None,
        sent.key,
        answers=sent.answers,
        kept=sent.kept,
        again_of=_answered(ours(request), values["again"], values["category"]),
    )


def _me(request: Request, values: Mapping[str, str]) -> str:
    """The signed-in citizen's account where the category asks for one; elsewhere nobody's account is noted."""
    actor = visit(request).actor
    asks = identity_needed(rules_for(ours(request), values), values["category"]).need is Need.ACCOUNT
    return actor.id.removeprefix("user:") if asks and actor.id.startswith("user:") else ""


def _answered(citizens: Citizens, number: str, category: str) -> str:
    """The number of an answered report of the same category; "" for anything else that was sent."""
    try:
        found = find_by_number(citizens, number) if number else None
    except NoSuchReport:
        return ""
    return found.code if found is not None and found.category == category and not found.open else ""


async def check(request: Request, filing: Filing, *, assisted: bool = False) -> Rules:
    """Everything that must be mended first, as Invalid with its `field`; the rules in force where it lies."""
    here, at = ours(request), now_us()
    known = filing.unit if filing.unit and here.territory.knows(filing.unit) else None
    rules = rules_at(here, known, at)
    kind = rules.category(filing.category)
    missing = rules.intake.questions.missing(kind.id, filing.answers)
    if missing:
        raise Invalid(field=f"{ANSWER}{missing}")
    rules.intake.questions.kept(kind.id, filing.answers)
    check_filing(filing, rules)
    route = routing(here, filing)
    rules = rules_at(here, route.unit, at)
    await refuse_secrets(here, rules, kind.id, at, filing.description, filing.place_words)
    check_identity(rules, kind.id, filing.identity, assisted=assisted)
    return rules


def before(request: Request, rules: Rules, filing: Filing, sent: Sent) -> Before:
    """What should be said before this is sent, and which of it the person has not read yet."""
    here = ours(request)
    said = told(rules, filing.category, dict(sent.answers), filing.description, filing.place_words)
    unit = routing(here, filing).unit or ""
    text = f"{filing.description} {filing.place_words}"
    near = nearby(here, rules.intake.nearby, Matter(filing.category, text, unit, filing.lon, filing.lat), now_us())
    place = (filing.lon, filing.lat)
    known = problem_near(here, filing.category, (place[0], place[1]), text) if place[0] and place[1] else None
    found = {"channels": said.channels, "near": near, "personal": said.personal, "problem": known}
    topics = frozenset(name for name, one in found.items() if one) - sent.shown
    return Before(said, near, topics, known[0] if known else None)


MENDABLE = (Invalid, TooLarge)
