"""Asking one source on behalf of one request: its tenant, @context, Via and extra headers, limits, and what went wrong.

Whatever a source does costs a warning of clause 6.3.17 and never the answer: `ask` raises nothing but cancellation.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from dothi.ground.clock import SECOND, now_us
from dothi.ground.errors import ContextUnavailable, DothiError, Invalid
from dothi.hub.context import CORE, CORE_URL, Contexts, Names
from dothi.hub.context.core import KNOWN_URLS
from dothi.hub.model import Actor
from dothi.hub.peers.federate.loops import alias_of, via
from dothi.hub.peers.federate.matching import Registry
from dothi.hub.peers.federate.registrations import Registration
from dothi.hub.peers.wire import Oversized, Response, TimedOut, Unreachable, Wire

API = "/ngsi-ld/v1"
JSON, LD_JSON = "application/json", "application/ld+json"
CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"
TIMEOUT_S = 5.0
LONGEST_S = 60.0
OF_REQUEST = "urn:ngsi-ld:request"  # The value is that of the request here (clause 4.3.6.5).
STALE, INVALID, SILENT, REFUSED = 110, 111, 199, 299  # Table 6.3.17-1.
_MEANT = {"accept", "contenttype", "jsonldcontext", "ngsildconformance"}  # Clause 4.3.6.6: known words, no headers.
_OURS = {  # Headers that no registration may set (clauses 4.3.6.5 and 6.3.19).
    *("ngsild-tenant", "via", "host", "connection", "content-length", "content-type", "transfer-encoding", "upgrade"),
    *("link", "te", "trailer", "keep-alive", "expect", "proxy-authorization", "ngsild-snapshot", "ngsild-entitymap"),
}

_SECRETS = {"authorization", "cookie", "x-csrf-token"}  # They open this hub, and are no business of a source's.


class Caller(NamedTuple):
    """The request because of which sources are asked: who, for which tenant, in which names, with which headers."""

    actor: Actor
    tenant: str
    names: Names = CORE
    headers: Mapping[str, str] = {}
    timeout: float | None = None  # Seconds; None leaves it to the registration.


class Call(NamedTuple):
    """What a source is to do: `parameters` and `body` are in the names that it is spoken to with."""

    method: str
    path: str
    parameters: Mapping[str, str] = {}
    body: Any = None
    headers: Mapping[str, str] = {}


class Reply(NamedTuple):
    """What came of it. `status` is 0 when there was no answer; `document` is None when there was nothing to read."""

    status: int
    document: Any = None
    names: Names = CORE
    warnings: tuple[str, ...] = ()
    headers: Mapping[str, str] = {}

    @property
    def cut(self) -> bool:
        """Whether the source could not be asked or is broken: what it said before is the best there is."""
        return self.status == 0 or self.status >= 500

    @property
    def good(self) -> bool:
        """Whether the source answered what it was asked."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Line:
    """The way to the sources of a hub. `resting` holds until when (µs) a registration is left alone after a failure."""

    wire: Wire
    registry: Registry
    contexts: Contexts
    clock: Callable[[], int] = now_us
    resting: dict[tuple[str, str], int] = field(default_factory=dict)


async def ask(line: Line, caller: Caller, registration: Registration, call: Call, names: Names) -> Reply:
    """Make one call of a source; `names` are those it is spoken to with (see `spoken`)."""
    now = line.clock()
    if line.resting.get((registration.tenant, registration.id), 0) > now:
        return Reply(0, warnings=(warning(line, SILENT, registration, "is left alone after a failure (cooldown)"),))
    try:
        response = await line.wire.send(
            call.method,
            address(registration, call),
            _headers(line, caller, registration, call, names),
            None if call.body is None else msgspec.json.encode(_body(registration, call.body, names)),
            _seconds(caller, registration),
        )
    except DothiError as error:
        _rest(line, registration, now)
        line.registry.sent(registration, False, now)
        return _unanswered(line, registration, error)
    reply = await _read(line, registration, response, names)
    line.registry.sent(registration, reply.good or reply.status == 404, now)
    if reply.cut:
        _rest(line, registration, now)
    return reply


def address(registration: Registration, call: Call) -> str:
    """Where a call goes; an endpoint may name the API's root itself."""
    base = registration.endpoint if registration.endpoint.endswith(API) else registration.endpoint + API
    query = urlencode(sorted(call.parameters.items()), safe=":*/", quote_via=quote)
    return f"{base}{call.path}?{query}" if query else base + call.path


async def spoken(line: Line, caller: Caller, registration: Registration) -> Names:
    """The names with which a source is spoken to: the context that it asked for, else that of the caller.

    An inline context fits no Link header: then full IRIs are used, which everybody understands.
    """
    wanted = dict(registration.info).get("jsonldContext")
    if wanted is not None:
        try:
            return await line.contexts.obtain(wanted)
        except (ContextUnavailable, Invalid):
            return CORE
    return caller.names if caller.names.url is not None else CORE


def warning(line: Line, code: int, registration: Registration, text: str) -> str:
    """One value of the header NGSILD-Warning: code, who warns, and what of (IANA warn codes)."""
    return f'{code} {alias_of(line.registry.name, registration.tenant)} "{registration.id} {_plain(text)}"'


def _plain(text: str) -> str:
    return text.replace('"', "'").replace(",", ";").encode("ascii", "replace").decode().replace("\n", " ")[:300]


def _headers(line: Line, caller: Caller, registration: Registration, call: Call, names: Names) -> dict[str, str]:
    told = dict(registration.info)
    headers = {
        "Accept": told["accept"] if told.get("accept") in (JSON, LD_JSON) else JSON,
        "Via": via(caller.headers.get("via"), alias_of(line.registry.name, caller.tenant)),
        **call.headers,
    }
    inside = call.body is not None and _brings_context(registration)
    # The core is what a request without a context has; who asked for it by its address is told it (clause 6.3.19).
    wanted = told.get("jsonldContext")
    context = names.url or (wanted if wanted in KNOWN_URLS else None)
    if context is not None and not inside:
        headers["Link"] = f'<{context}>; rel="{CONTEXT_REL}"; type="{LD_JSON}"'
    if call.body is not None:
        headers["Content-Type"] = LD_JSON if inside else JSON
    if registration.source_tenant:
        headers["NGSILD-Tenant"] = registration.source_tenant
    if "ngsildConformance" in told:
        headers["Prefer"] = f"ngsi-ld={told['ngsildConformance']}"
    return headers | _extra(registration, caller)


def _brings_context(registration: Registration) -> bool:
    """Whether the source wants the @context in the body (contentType, clause 4.3.6.6)."""
    told = dict(registration.info)
    return told.get("contentType") == LD_JSON and "jsonldContext" not in told


def _body(registration: Registration, body: Any, names: Names) -> Any:
    """The body with its @context, where the source wants it inside; ids in an array need none."""
    if not _brings_context(registration):
        return body
    context = names.url or CORE_URL
    if isinstance(body, list):
        return [one | {"@context": context} if isinstance(one, dict) else one for one in body]
    return body | {"@context": context}


def _extra(registration: Registration, caller: Caller) -> dict[str, str]:
    """What the registration wants to be conveyed (clause 4.3.6.5)."""
    extra = {}
    for key, value in registration.info:
        if key.lower() in _MEANT or key.lower() in _OURS:
            continue
        if value == OF_REQUEST and key.lower() in _SECRETS:
            continue
        found = caller.headers.get(key.lower()) if value == OF_REQUEST else value
        if found is not None and _is_header(key, found):
            extra[key] = found
    return extra


def _is_header(key: str, value: str) -> bool:
    return key.isascii() and not set(key + value) & set("\r\n\0")


def _seconds(caller: Caller, registration: Registration) -> float:
    own = registration.management.timeout
    asked = TIMEOUT_S if own is None else min(own, LONGEST_S)
    return asked if caller.timeout is None else min(asked, caller.timeout)


def _rest(line: Line, registration: Registration, now: int) -> None:
    cooldown = registration.management.cooldown
    if cooldown:
        line.resting[registration.tenant, registration.id] = now + int(cooldown * SECOND)


def _unanswered(line: Line, registration: Registration, error: DothiError) -> Reply:
    if isinstance(error, Oversized):
        return Reply(413, warnings=(warning(line, INVALID, registration, error.detail),))
    if isinstance(error, TimedOut):
        return Reply(0, warnings=(warning(line, SILENT, registration, "gave no answer in time"),))
    if isinstance(error, Unreachable):
        return Reply(0, warnings=(warning(line, SILENT, registration, "cannot be reached"),))
    return Reply(400, warnings=(warning(line, REFUSED, registration, error.detail),))


async def _read(line: Line, registration: Registration, response: Response, names: Names) -> Reply:
    passed_on = tuple(part for part in [response.headers.get("ngsild-warning", "")] if part)
    if response.status == 404:
        return Reply(404, None, names, passed_on, response.headers)
    if response.status == 508:
        told = warning(line, SILENT, registration, "leads back here: a loop of registrations")
        return Reply(508, None, names, (*passed_on, told), response.headers)
    if not 200 <= response.status < 300:
        told = warning(line, REFUSED, registration, f"answered {response.status}")
        return Reply(response.status, None, names, (*passed_on, told), response.headers)
    try:
        document = msgspec.json.decode(response.body) if response.body else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        told = warning(line, INVALID, registration, "answered something that is not JSON")
        return Reply(response.status, None, names, (*passed_on, told), response.headers)
    return Reply(response.status, document, await _theirs(line, document, names), passed_on, response.headers)


async def _theirs(line: Line, document: Any, names: Names) -> Names:
    """The names of an answer: those of the @context that it brings, where that can be had, else ours to it."""
    first = document[0] if isinstance(document, list) and document else document
    if not isinstance(first, dict) or "@context" not in first:
        return names
    try:
        return await line.contexts.obtain(first["@context"])
    except (ContextUnavailable, Invalid):
        return names
