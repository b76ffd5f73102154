"""Orders given and moved by forms: the form of an incident's commander, the unit's taps, and the link's page."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from dothi.ground.clock import HOUR, now_us
from dothi.ground.errors import Conflict, DothiError, Forbidden, Invalid, Missing, TooLarge
from dothi.ground.ids import secret
from dothi.ground.links import BadLink, ExpiredLink
from dothi.hub.model import Entity
from dothi.office.photos import DOCUMENT_BYTES, PHOTO_BYTES, BadFile, FileTooLarge, Upload
from dothi.operations.incidents.orders import links, service
from dothi.operations.incidents.orders.giving import issue
from dothi.operations.incidents.orders.model import FILES_MAX, NewOrder, NoProof, Order, Overtaken, Said
from dothi.operations.incidents.orders.workflow import DIRECTORS
from dothi.web.page import Page, redirect, render, visit, within, words
from dothi.web.pages.citizens.report import answer_file
from dothi.web.pages.operations.incidents.orders import FAILED, kinds_of, order_page, units_of
from dothi.web.pages.shown import STAFF, bare, entity_id, unit_name
from dothi.web.parts import parts

MEGABYTE = 1024 * 1024
FORM_MAX = FILES_MAX * PHOTO_BYTES + MEGABYTE
FILE_BYTES = max(PHOTO_BYTES, DOCUMENT_BYTES)
HOURS = ("", "1", "2", "4", "8", "12", "24")  # Limits that a commander may set; "" is that of the rules.
BY_UNIT = frozenset({"receive", "arrive", "finish", "refuse"})
PROBLEMS: Mapping[type[DothiError], str] = {
    NoProof: "no_proof",
    BadFile: "bad_file",
    FileTooLarge: "large_file",
}
NEW_FIELDS = ("title", "words", "kind", "place", "hours")


def _incident(request: Request) -> Entity:
    name = entity_id("Incident", str(request.path_params["incident"]))
    found = parts(request).hub.get(visit(request).actor, name)
    if "Incident" not in found.types:
        raise Missing(f"{name} is no incident.")
    return found


async def new_order(request: Request) -> Response:
    """Who is to do what, where, until when?"""
    asked = request.query_params
    units = asked.getlist("units") or [str(_incident(request).value("unit", ""))]
    return _form(request, {name: asked.get(name, "")[:4000] for name in NEW_FIELDS}, units, {})


def _form(
    request: Request, values: Mapping[str, str], chosen: list[str], problems: Mapping[str, str], status: int = 200
) -> Response:
    incident = _incident(request)
    unit = str(incident.value("unit", ""))
    kinds = kinds_of(request, unit)
    return render(
        request,
        "operations/orders/new.html",
        status,
        incident=incident,
        name=bare(incident.id),
        title=incident.value("title", ""),
        unit=unit_name(request, unit),
        drill=bool(incident.value("drill", False)),
        units=units_of(request, unit),
        chosen=chosen,
        kinds=kinds,
        hours=[
            (one, words(request).t("orders.form.within", n=one) if one else words(request).t("orders.form.rules"))
            for one in HOURS
        ],
        values={"title": "", "words": "", "place": "", "hours": "", "kind": kinds[0][0]}
        | {name: value for name, value in values.items() if value},
        key=secret(),
        problems=problems,
    )


def _hours(request: Request) -> list[tuple[str, str]]:
    t = words(request).t
    return [(one, t("orders.form.within", n=one) if one else t("orders.form.rules")) for one in HOURS]


async def give(request: Request) -> Response:
    """The commander gives the order to each unit that was chosen."""
    form = await request.form()
    incident = _incident(request)
    values = {name: str(form.get(name, "")) for name in NEW_FIELDS}
    units = [str(one) for one in form.getlist("units")]
    try:
        finish = now_us() + int(values["hours"]) * HOUR if values["hours"] in HOURS[1:] else None
        new = NewOrder(
            values["title"], tuple(units), values["words"], values["kind"], values["place"], finish_by=finish
        )
        made = await issue(parts(request).operations, visit(request).actor, incident.id, new, key=_key(form))
    except (Invalid, Conflict) as error:
        return _form(request, values, units, problem_of(request, error), FAILED if isinstance(error, Invalid) else 409)
    return redirect(request, f"/incident/{bare(incident.id)}", "orders.given", n=str(len(made)))


def _key(form: FormData) -> str | None:
    key = str(form.get("key", ""))
    return key if 16 <= len(key) <= 200 else None


def problem_of(request: Request, error: DothiError) -> dict[str, str]:
    """What is wrong, by field, in the reader's language."""
    t, field = words(request).t, str(error.fields.get("field", "form"))
    name = next((key for kind, key in PROBLEMS.items() if isinstance(error, kind)), "")
    if isinstance(error, Conflict):
        state = str(getattr(error.fields.get("state"), "value", error.fields.get("state", "")))
        told = t(f"orders.state.{state}") if words(request).has(f"orders.state.{state}") else ""
        return {
            "form": t(
                "orders.problem.overtaken" if isinstance(error, Overtaken) else "orders.problem.not_now", state=told
            )
        }
    key = f"orders.problem.{name or field}"
    return {field: t(key if words(request).has(key) else "orders.problem.form")}


async def act(request: Request) -> Response:
    """One step of an order, by who has signed in."""
    form = await request.form()
    here, actor = parts(request).operations, visit(request).actor
    order = service.find(here, actor, str(request.path_params["order"]))
    verb = str(request.path_params["verb"])
    service.check_move(order, verb)
    said = await _said(form)
    try:
        await service.move(here, actor, order.id, verb, said, _version(form), key=_key(form))
    except (Invalid, TooLarge, Conflict) as error:
        return _again(request, service.find(here, actor, order.id), verb, said, error)
    back = "/work" if form.get("then") == "list" else within(f"/order/{quote(order.name)}")
    return redirect(request, back, f"orders.done.{verb}")


def _again(request: Request, order: Order, verb: str, said: Said, error: DothiError, token: str = "") -> Response:
    """The page of the order with what to mend or what somebody else did; what was typed stands in it again."""
    values = {"verb": verb, "words": said.words, "counter": said.counter, "unit": said.unit}
    status = 409 if isinstance(error, Conflict) else FAILED
    return order_page(request, order, problem_of(request, error), values, status, token)


async def _said(form: FormData) -> Said:
    files = [one for one in form.getlist("proof") if isinstance(one, UploadFile)]
    read = [Upload(one.filename or "", await one.read(FILE_BYTES + 1)) for one in files]
    kept = tuple(one for one in read if one.content or one.name)
    return Said(str(form.get("words", "")), str(form.get("counter", "")), str(form.get("unit", "")), kept)


def _version(form: FormData) -> int | None:
    given = str(form.get("version", ""))
    return int(given) if given.isascii() and given.isdigit() and len(given) < 12 else None


def _linked(request: Request) -> tuple[Order, str]:
    token = str(request.path_params["token"])
    return links.opened(parts(request).operations, token), token


def _ended(request: Request, error: BadLink | ExpiredLink) -> Response:
    name, status = ("expired", 410) if isinstance(error, ExpiredLink) else ("bad", 404)
    return render(request, "operations/orders/ended.html", status, name=name)


async def linked(request: Request) -> Response:
    """What is our unit ordered to do? For who was sent the link."""
    try:
        order, token = _linked(request)
    except (BadLink, ExpiredLink) as error:
        return _ended(request, error)
    return order_page(request, order, token=token)


async def act_linked(request: Request) -> Response:
    """One step of the unit by the link; no other order and no other verb."""
    form = await request.form()
    verb = str(request.path_params["verb"])
    try:
        order, token = _linked(request)
    except (BadLink, ExpiredLink) as error:
        return _ended(request, error)
    if verb not in BY_UNIT:
        raise Forbidden("The link of an order is for the unit that got it.")
    said = await _said(form)
    try:
        await service.move_by_link(parts(request).operations, order, verb, said, _version(form), key=_key(form))
    except (Invalid, TooLarge, Conflict) as error:
        return _again(request, _linked(request)[0], verb, said, error, token)
    return redirect(request, f"/o/{token}", f"orders.done.{verb}")


async def seal(request: Request) -> Response:
    """GET /duty/seal: the key under which this person's browser seals what waits while the line is cut."""
    vault, actor = parts(request).operations.vault, visit(request).actor
    if vault is None:
        raise Missing("This city has no vault, so nothing is kept in browsers.")
    key = vault.tag("seal of a duty browser", actor.id).hex()
    return JSONResponse({"user": actor.id, "key": key}, headers={"Cache-Control": "no-store"})


async def linked_file(request: Request) -> Response:
    """A photo of the result, for who was sent the link."""
    order, _ = _linked(request)
    digest = str(request.path_params["digest"])
    found = next((one for one in order.proof if one["sha256"] == digest), None)
    if found is None:
        raise Missing("There is no such file, or you may not see it.")
    return answer_file(request, digest, str(found["mediaType"]))


_VERB = {"verb": "receive"}
PAGES = (
    Page("/incident/{incident}/order", new_order, "orders.give", roles=DIRECTORS),
    Page("/incident/{incident}/order", give, "orders.give", methods=("POST",), roles=DIRECTORS, page=False),
    Page("/order/{order}/{verb}", act, "orders.one", ("POST",), STAFF, body_max=FORM_MAX, sample=_VERB, page=False),
    Page("/duty/seal", seal, "orders.title", roles=STAFF, page=False),
    Page("/o/{token}", linked, "orders.one"),
    Page("/o/{token}/{verb}", act_linked, "orders.one", ("POST",), body_max=FORM_MAX, sample=_VERB, page=False),
    Page("/o/{token}/file/{digest}", linked_file, "orders.one", sample={"digest": "0"}, page=False),
)
