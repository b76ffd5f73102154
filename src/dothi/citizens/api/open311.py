"""Open311 GeoReport v2 over HTTP, in XML and JSON: services, requests, tokens; errors as the specification has them."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from math import isfinite

from starlette.applications import Starlette
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dothi.accounts.model import BadKey, Identity
from dothi.accounts.signin import actor_for_key
from dothi.accounts.store import Accounts
from dothi.citizens.api.reports import read_files
from dothi.citizens.channels import open311 as spoken
from dothi.citizens.intake.filing import Filing, file_report, routing
from dothi.citizens.needs import Allowance, Citizens, rules_at
from dothi.ground.clock import from_iso, now_us
from dothi.ground.errors import DothiError, Forbidden, Invalid, Missing
from dothi.ground.problem import problem
from dothi.hub.model import Actor
from dothi.office.photos import PHOTO_BYTES

LANGUAGES = ("vi", "en")
PER_KEY, PER_KEY_MINUTES = 600, 60  # Requests that one key may file.
IDS_MAX = 100
SINCE, UNTIL = from_iso("1971-01-01"), from_iso("2200-01-01")
KEY_LETTERS = (16, 200)
CHANGED = "2026-11-22T00:00:00Z"  # When this endpoint last changed what it answers.
WRITERS: Mapping[str, tuple[str, Callable[[str, spoken.Value], bytes]]] = {
    "json": ("application/json; charset=utf-8", spoken.as_json),
    "xml": ("text/xml; charset=utf-8", spoken.as_xml),
}


@dataclass(frozen=True)
class Endpoint:
    """What the endpoint needs: the modules, the unit that the city is ("" = the country), and its address."""

    citizens: Citizens
    accounts: Accounts
    home: str
    address: str
    simulated: bool = False
    filings: Allowance = field(default_factory=lambda: Allowance(PER_KEY, PER_KEY_MINUTES))


Answer = tuple[str, spoken.Value, int]  # Root in XML, value, status.
Handler = Callable[[Endpoint, Request], Awaitable[Answer]]


def open311(endpoint: Endpoint) -> Starlette:
    """The application to be mounted at /open311."""
    routes = [
        _route(endpoint, "/discovery", discovery),
        _route(endpoint, "/v2/discovery", discovery),
        _route(endpoint, "/v2/services", service_list),
        _route(endpoint, "/v2/services/{code}", service_definition),
        _route(endpoint, "/v2/requests", file_request, "POST"),
        _route(endpoint, "/v2/requests", request_list),
        _route(endpoint, "/v2/requests/{number}", one_request),
        _route(endpoint, "/v2/tokens/{token}", one_token),
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _refused, Exception: _refused})


def _route(endpoint: Endpoint, path: str, handler: Handler, method: str = "GET") -> Route:
    async def answer(request: Request) -> Response:
        try:
            return _written(request, *await handler(endpoint, request))
        except (DothiError, HTTPException) as error:
            return await _refused(request, error)

    return Route(f"{path}.{{form}}", answer, methods=[method])


def _written(request: Request, name: str, value: spoken.Value, status: int = 200) -> Response:
    form = str(request.path_params.get("form", ""))
    media_type, write = WRITERS.get(form, WRITERS["json" if request.url.path.endswith(".json") else "xml"])
    headers = {"Content-Type": media_type, "Access-Control-Allow-Origin": "*", "Cache-Control": "no-cache"}
    return Response(write(name, value), status, headers)


async def _refused(request: Request, error: Exception) -> Response:
    """Errors as GeoReport has them: a list of code and description; 400, 403 and 404 mean what it says."""
    if isinstance(error, HTTPException):
        status, detail = error.status_code, str(error.detail)
    else:
        status, document = problem(error)
        detail = str(document.get("detail", ""))
    if isinstance(error, BadKey):
        status = HTTPStatus.FORBIDDEN
    elif status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = HTTPStatus.BAD_REQUEST
    return _written(request, "errors", [{"code": int(status), "description": detail}], int(status))


async def discovery(endpoint: Endpoint, request: Request) -> Answer:
    """Which specifications are spoken here, in which formats, and what goes beyond them."""
    _checked_form(request)
    return "discovery", spoken.discovery(endpoint.address, CHANGED, endpoint.simulated), 200


async def service_list(endpoint: Endpoint, request: Request) -> Answer:
    """The categories of reports."""
    place = _place(endpoint, request, request.query_params)
    rules = rules_at(endpoint.citizens, place.jurisdiction or endpoint.home or None)
    return "services", spoken.services(rules, place.language), 200


async def service_definition(endpoint: Endpoint, request: Request) -> Answer:
    """The questions of a category."""
    place = _place(endpoint, request, request.query_params)
    rules = rules_at(endpoint.citizens, place.jurisdiction or endpoint.home or None)
    return "service_definition", spoken.definition(rules, request.path_params["code"], place.language), 200


async def request_list(endpoint: Endpoint, request: Request) -> Answer:
    """Reports by filters; named ids override all other arguments."""
    given = request.query_params
    place = _place(endpoint, request, given)
    ids = _listed(given.get("service_request_id", ""))[:IDS_MAX]
    if not ids:
        return "service_requests", spoken.requests(endpoint.citizens, _sought(given), place), 200
    found: list[spoken.Value] = []
    for number in ids:
        try:
            found.append(spoken.by_number(endpoint.citizens, number, place))
        except Missing:
            continue
    return "service_requests", found, 200


async def one_request(endpoint: Endpoint, request: Request) -> Answer:
    """One report by its number."""
    place = _place(endpoint, request, request.query_params)
    return "service_requests", [spoken.by_number(endpoint.citizens, request.path_params["number"], place)], 200


async def one_token(endpoint: Endpoint, request: Request) -> Answer:
    """The number that belongs to a token: numbers are given at once, so each is its own token."""
    place, token = _place(endpoint, request, request.query_params), str(request.path_params["token"])
    known = spoken.by_number(endpoint.citizens, token, place)
    row = {"token": token, "service_request_id": known["service_request_id"]}
    return "service_requests", [row], 200


async def file_request(endpoint: Endpoint, request: Request) -> Answer:
    """File a report with an API key that may write:CitizenReport."""
    form = await request.form(max_files=10, max_fields=200)
    try:
        given = {name: value.strip() for name, value in form.multi_items() if isinstance(value, str)}
        place = _place(endpoint, request, given)
        actor = _key(endpoint, request, given)
        filing, notice = await _filing(endpoint, request, place, form, given)
        _in_reach(endpoint.citizens, actor, filing)
        endpoint.filings.take(actor.id, now_us())
        filed = await file_report(endpoint.citizens, filing)
    finally:
        await form.close()
    row = {
        "service_request_id": filed.number,
        "service_notice": notice,
        "account_id": given.get("account_id", ""),
        "follow_code": filed.follow_code,
    }
    return "service_requests", [row], 201


def _key(endpoint: Endpoint, request: Request, given: Mapping[str, str]) -> Actor:
    """Whose key it is; 403 for none, a bad one, or one that may not file."""
    key = given.get("api_key") or request.query_params.get("api_key", "")
    if not key:
        raise Forbidden("api_key is missing: ask the city's administrator for one that may write:CitizenReport.")
    actor = actor_for_key(endpoint.accounts, f"Bearer {key}")
    if not actor.scopes & {"write:CitizenReport", "write:*"}:
        raise Forbidden("This api_key may not file requests; it needs the scope write:CitizenReport.")
    return actor


def _in_reach(citizens: Citizens, actor: Actor, filing: Filing) -> None:
    """403 when the key is for other units than the one where the report lies."""
    if not actor.areas:
        return
    unit = routing(citizens, filing).unit
    if unit is None or not actor.areas & {one.code for one in citizens.territory.chain(unit)}:
        raise Forbidden("This api_key is for other units than the one where this request lies.")


async def _filing(
    endpoint: Endpoint, request: Request, place: spoken.Place, form: FormData, given: Mapping[str, str]
) -> tuple[Filing, str]:
    """The report that the arguments describe, and what its sender should know besides."""
    code = given.get("service_code", "")
    unit = given.get("address_id", "") or (place.jurisdiction if len(place.jurisdiction) > 2 else "")
    rules = rules_at(endpoint.citizens, unit or endpoint.home or None)
    if not code:
        raise Invalid("service_code was not provided.")
    if code not in rules.categories:
        raise Missing(f"service_code {code[:40]} was not found.")
    answers = {name[10:-1]: said for name, said in given.items() if name.startswith("attribute[") and name[-1] == "]"}
    lacking = rules.intake.questions.missing(code, answers)
    if lacking:
        raise Invalid(f"attribute[{lacking}] is required for this service_code.")
    lon, lat = _point(given)
    filing = Filing(
        code,
        given.get("description", ""),
        lon,
        lat,
        unit or None,
        given.get("address_string", ""),
        await read_files([one for one in form.getlist("media") if isinstance(one, UploadFile)], PHOTO_BYTES),
        _identity(given),
        _idempotency(request),
        "open311",
        answers=answers,
        desk=_desk(endpoint, lon, unit, given),
    )
    channels = rules.intake.questions.leads_to(code, answers, filing.description)
    notes = [f"{one.names[place.language]} {one.why[place.language]}" for one in channels]
    if given.get("media_url"):
        notes.append("media_url is not fetched: send files as media.")
    return filing, " ".join(notes)


def _desk(endpoint: Endpoint, lon: float | None, unit: str, given: Mapping[str, str]) -> str:
    """Who finds the place of an address that is only words; "" where the place is told or none is."""
    return endpoint.home if lon is None and not unit and given.get("address_string") else ""


def _point(given: Mapping[str, str]) -> tuple[float | None, float | None]:
    lon, lat = given.get("long", ""), given.get("lat", "")
    if not lon and not lat:
        return None, None
    try:
        found = float(lon), float(lat)
    except ValueError as cause:
        raise Invalid("lat and long must both be decimal degrees (WGS 84).") from cause
    if not all(map(isfinite, found)):
        raise Invalid("lat and long must both be decimal degrees (WGS 84).")
    return found


def _identity(given: Mapping[str, str]) -> Identity | None:
    """Who wants to be told, for the vault. The family name stands first."""
    name = " ".join(part for part in (given.get("last_name", ""), given.get("first_name", "")) if part)
    who = Identity(name, given.get("phone", ""), given.get("email", ""))
    return who if who != Identity() else None


def _idempotency(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not KEY_LETTERS[0] <= len(key) <= KEY_LETTERS[1]:
        raise Invalid(f"Idempotency-Key has {KEY_LETTERS[0]} to {KEY_LETTERS[1]} letters.")
    return key


def _checked_form(request: Request) -> None:
    if request.path_params.get("form") not in WRITERS:
        raise Missing("The formats are .xml and .json.")


def _place(endpoint: Endpoint, request: Request, given: Mapping[str, str]) -> spoken.Place:
    """Jurisdiction and language of a request. Missing (404) for a jurisdiction that is not of this city."""
    _checked_form(request)
    asked, language = given.get("jurisdiction_id", ""), given.get("locale", LANGUAGES[0])
    here = endpoint.citizens.territory
    ours = here.within(endpoint.home) | {endpoint.home} if endpoint.home else {asked}
    if asked and not (here.knows(asked) and asked in ours):
        raise Missing(f"jurisdiction_id {asked[:20]} was not found; it is the code of a province or commune.")
    return spoken.Place(asked, endpoint.address, language if language in LANGUAGES else LANGUAGES[0])


def _sought(given: Mapping[str, str]) -> spoken.Sought:
    """The filters of GET requests. Invalid (400) for what cannot be read."""
    end = _instant(given, "end_date")
    start = _instant(given, "start_date")
    if end is None:
        end = start + spoken.SPAN_MAX if start is not None else now_us()
    begins = end - spoken.SPAN_MAX if start is None else start
    if end - begins > spoken.SPAN_MAX:
        raise Invalid("start_date and end_date may not span more than 90 days.")
    status = _listed(given.get("status", ""))
    if set(status) - {spoken.OPEN, spoken.CLOSED}:
        raise Invalid("status is open, closed, or both with a comma.")
    codes = _listed(given.get("service_code", ""))
    return spoken.Sought(begins, end, codes, status, _whole(given, "page", 1), _whole(given, "page_size", 1000))


def _instant(given: Mapping[str, str], name: str) -> int | None:
    """A date-time in W3C form; a "+" that came as a blank is mended."""
    text = given.get(name, "").strip().replace(" ", "+")
    try:
        found = from_iso(text) if text else None
    except (ValueError, OverflowError) as cause:
        raise Invalid(f"{name} must look like 2026-11-22T08:00:00+07:00.") from cause
    if found is not None and not SINCE <= found <= UNTIL:
        raise Invalid(f"{name} must lie between 1971 and 2200.")
    return found


def _whole(given: Mapping[str, str], name: str, default: int) -> int:
    text = given.get(name, "") or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 100_000):
        raise Invalid(f"{name} must be a whole number from 1.")
    return int(text)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
