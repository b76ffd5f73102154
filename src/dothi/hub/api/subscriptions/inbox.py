"""Where sources tell this hub of what it subscribed to there for its own subscribers (clause 5.8.6)."""

import logging
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from dothi.ground.errors import DothiError, Invalid
from dothi.hub.api.door.answer import Answer, deliver, no_such_method, refused
from dothi.hub.api.door.request import context_link, decode, headers_of, read_body
from dothi.hub.context import CORE, Contexts, Names
from dothi.hub.peers.federate.subscribe.carrying import Carrier

log = logging.getLogger("dothi.hub")
INBOX = "remote-notify"


def inbox(carrier: Carrier, contexts: Contexts, largest: int) -> ASGIApp:
    """The application behind /ngsi-ld/ex: it takes notifications from sources and nothing else."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        try:
            answer = await _answer(carrier, contexts, largest, scope, receive)
        except DothiError as error:
            answer = refused(error)
        except Exception as error:
            log.exception("a notification of a source could not be taken in")
            answer = refused(error)
        await deliver(answer, send, None)

    return app


async def _answer(carrier: Carrier, contexts: Contexts, largest: int, scope: Scope, receive: Receive) -> Answer:
    if scope["path"].rpartition("/")[2] != INBOX:
        return Answer(404)
    if scope["method"] != "POST":
        return no_such_method(["POST"])
    headers = headers_of(scope)
    document = decode(await read_body(headers, receive, largest))
    tenants = parse_qs(scope.get("query_string", b"").decode("latin-1")).get("tenant", [""])
    names = await _names(contexts, headers.get("link"), document)
    await carrier.take(tenants[-1], document, names)
    return Answer(200)


async def _names(contexts: Contexts, link: str | None, document: object) -> Names:
    """The names in which a source speaks: its body's @context, else that of its Link header, else the core's."""
    inside = document.get("@context") if isinstance(document, dict) else None
    try:
        return await contexts.obtain(inside if inside is not None else context_link(link) if link else None)
    except (DothiError, Invalid):
        return CORE
