"""Answers of the NGSI-LD API: media types, the @context that goes along, problems, paging links."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from starlette.types import Send

from dothi.ground.errors import DothiError
from dothi.ground.problem import RETRY, ngsi_ld_problem
from dothi.hub.api.door.request import CONTEXT_REL, GEO_JSON, JSON, LD_JSON, Call, LengthRequired, UnsupportedMedia
from dothi.hub.context import CORE_URL, Names

BASE = "/ngsi-ld/v1"
READABLE = (JSON, LD_JSON)  # In order of preference (clause 6.3.4).
WITH_GEO = (JSON, LD_JSON, GEO_JSON)
_OWN_STATUS: dict[type[DothiError], int] = {UnsupportedMedia: 415, LengthRequired: 411}
_BARE = frozenset(_OWN_STATUS.values())
_encode = msgspec.json.Encoder().encode


class NotAcceptable(DothiError):
    """The client accepts none of the media types that there are (406)."""


class Answer(NamedTuple):
    """What is sent back; `headers` beside the content type."""

    status: int
    body: bytes = b""
    media: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


NO_CONTENT = Answer(204)


def document(value: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A JSON answer without context: problems, batch results, lists of ids."""
    return Answer(status, _encode(value), JSON, headers)


def created(entity_id: str) -> Answer:
    """201 with the place of what was made."""
    return Answer(201, headers=(("Location", f"{BASE}/entities/{quote(entity_id, safe=':')}"),))


def contextual(call: Call, value: Any, names: Names, media: str, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """A 200 answer in the names of the client's context: in the body (JSON-LD) or by a Link header (clause 6.3.6)."""
    extra = list(headers)
    in_body = media == LD_JSON or (media == GEO_JSON and "body=json" not in call.headers.get("prefer", ""))
    if in_body:
        context = context_value(names)
        value = (
            [part | {"@context": context} for part in value]
            if isinstance(value, list)
            else value | {"@context": context}
        )
    else:
        lent = call.door.contexts.lend(names.source) if names.url is None and names.source is not None else None
        extra += _context_links(names, lent)
    return Answer(200, _encode(value), media, tuple(extra))


def page_of(names: Names, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """A 200 answer of JSON that was rendered before, with the client's context in a Link header (clause 6.3.6)."""
    return Answer(200, body, JSON, (*headers, *_context_links(names)))


def _context_links(names: Names, lent: str | None = None) -> list[tuple[str, str]]:
    """The Link header that names a context; `lent`: where one that came inline can be read for a while."""
    address = names.url or lent or CORE_URL
    return [("Link", f'<{address}>; rel="{CONTEXT_REL}"; type="{LD_JSON}"')]


def context_value(names: Names) -> Any:
    """The @context of an answer: the client's own with the core last."""
    if names.source is None:
        return CORE_URL
    if names.has_core:
        return names.source
    return [*(names.source if isinstance(names.source, list) else [names.source]), CORE_URL]


def accepted(call: Call, offered: Sequence[str] = READABLE) -> str:
    """The media type to answer with, by the Accept header; NotAcceptable lists what there is (clause 6.3.4)."""
    accept = call.headers.get("accept", "")
    if accept in ("", "*/*", JSON):
        return JSON
    weights = {media: _weight(media, accept) for media in offered}
    best = max(offered, key=lambda media: weights[media])
    if weights[best] <= 0:
        raise NotAcceptable(f"Nothing of this is available as {accept[:100]!r}.", available=list(offered))
    return best


def _weight(media: str, accept: str) -> float:
    """How much a client wants a media type: the q of its most specific range, 0 for not at all."""
    best = (-1, 0.0)
    for part in accept.split(","):
        fields = [field.strip() for field in part.split(";")]
        name = fields[0].lower()
        rank = (media, media.partition("/")[0] + "/*", "*/*").index(name) if _fits(media, name) else None
        if rank is not None:
            best = max(best, (2 - rank, _quality(fields[1:])))
    return best[1]


def _fits(media: str, name: str) -> bool:
    return name in (media, media.partition("/")[0] + "/*", "*/*")


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 1.0  # What cannot be read does not decide.
    return 1.0


def problem_of(error: BaseException) -> tuple[int, dict[str, Any]]:
    """Status and problem document of an error (clauses 5.5.3 and 6.3.2, RFC 9457)."""
    status, body = ngsi_ld_problem(error)
    if isinstance(error, NotAcceptable):
        status, body = 406, body | {"type": "about:blank", "title": "Not Acceptable"}
    elif type(error) in _OWN_STATUS:
        status = _OWN_STATUS[type(error)]  # type: ignore[index]
    return status, body | {"status": status}


def refused(error: BaseException) -> Answer:
    """An error as an answer; 411 and 415 are bare (clause 6.3.4)."""
    status, body = problem_of(error)
    if status in _BARE:
        return Answer(status)
    headers = (("WWW-Authenticate", "Bearer"),) if status == 401 else ()
    if status in RETRY:
        headers = (("Retry-After", str(body.get("retry_after", RETRY[status]))),)
    return document(body, status, headers)


def no_such_method(allowed: Sequence[str]) -> Answer:
    """405 with what is possible (clause 6.3.2)."""
    body = {
        "type": "about:blank",
        "title": "Method Not Allowed",
        "status": 405,
        "detail": f"This resource takes {', '.join(allowed)}.",
    }
    return document(body, 405, (("Allow", ", ".join(allowed)),))


def paging(call: Call, path: str, page: tuple[int, int], more: bool, media: str) -> list[tuple[str, str]]:
    """Link headers to the next and the previous page (clause 6.3.10); `page` is (limit, offset)."""
    limit, offset = page
    links = []
    if more:
        links.append(_page_link(call.query, path, limit, offset + limit, "next", media))
    if offset > 0 and limit > 0:
        links.append(_page_link(call.query, path, limit, max(0, offset - limit), "prev", media))
    return [("Link", link) for link in links]


def _page_link(query: Mapping[str, str], path: str, limit: int, offset: int, rel: str, media: str) -> str:
    parameters = sorted({**query, "limit": str(limit), "offset": str(offset)}.items())
    return f'<{BASE}{path}?{urlencode(parameters, safe=":*", quote_via=quote)}>;rel="{rel}";type="{media}"'


async def deliver(answer: Answer, send: Send, tenant: str | None, head_only: bool = False) -> None:
    """Send an answer; the tenant named in the request is named in the answer (clause 6.3.14)."""
    # In their usual spelling: no server minds, and there are clients that look for "Location" letter by letter.
    headers = [(name.encode(), value.encode("latin-1", "replace")) for name, value in answer.headers]
    if answer.status != 204:
        headers.append((b"content-length", str(len(answer.body)).encode()))
    if answer.body:
        headers.append((b"content-type", answer.media.encode()))
    if tenant:
        headers.append((b"ngsild-tenant", tenant.encode("latin-1", "replace")))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head_only else answer.body})
