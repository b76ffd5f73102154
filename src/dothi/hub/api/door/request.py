"""One HTTP request to the NGSI-LD API as a value: who asks, for which tenant, with which body and @context."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
from starlette.types import Message, Receive, Scope

from dothi.ground.clock import now_us
from dothi.ground.errors import Invalid, Malformed, NoTenant, TooLarge
from dothi.hub.api.door.admission import Admission
from dothi.hub.context import CORE, Contexts, Names
from dothi.hub.core import Hub
from dothi.hub.model import Actor, Change, Commit, Receipt
from dothi.hub.peers.federate.answer.gathering import Peers
from dothi.hub.peers.federate.keeping.watching import Watchers
from dothi.hub.peers.federate.matching import Registry
from dothi.hub.peers.notify.notifier import Notifier
from dothi.hub.peers.snapshots.keeping import Snapshots
from dothi.hub.peers.wire import Wire
from dothi.hub.render.values import Reading, check_nesting

MIB = 1024 * 1024
JSON, LD_JSON, GEO_JSON, MERGE_JSON = (
    "application/json",
    "application/ld+json",
    "application/geo+json",
    "application/merge-patch+json",
)
CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"
MOST_PARAMETERS = 100
_FORMS = ("normalized", "concise", "keyValues", "simplified", "temporalValues", "aggregatedValues")
# count: so the parameter was spelt once, and clients of the field still say it beside count=true.
OPTIONS = frozenset((*_FORMS, "sysAttrs", "noOverwrite", "update", "replace", "count"))
_LINK = re.compile(r"<([^<>]*)>((?:\s*;\s*[\w!#$&+.^`|~*-]+\s*=\s*(?:\"[^\"]*\"|[^\s\";,]+))*)")
_TENANT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,63}")
_FLAGS = {"true": True, "false": False}

Authenticate = Callable[[Mapping[str, str]], Actor]


class UnsupportedMedia(Invalid):
    """The body's media type is none that the API reads (415)."""


class LengthRequired(Invalid):
    """The request does not say how long its body is (411)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may ask; beyond it is 413, 403 or 400, never a crash."""

    body: int = 16 * MIB  # Bytes.
    depth: int = 64  # Levels of nesting in one document.
    page: int = 1000  # Entities in one answer.
    default_page: int = 20
    batch: int = 10_000  # Entities in one batch.
    instances: int = 5000  # Past instances in one answer; what is longer comes in parts.


@dataclass(frozen=True, slots=True)
class Door:
    """What every handler needs; made once by ngsi_ld()."""

    hub: Hub
    contexts: Contexts
    authenticate: Authenticate
    limits: Limits = field(default_factory=Limits)
    wire: Wire = field(default_factory=Wire)  # How others are called.
    registry: Registry = field(kw_only=True)  # Whom this hub knows to hold what.
    snapshots: Snapshots = field(kw_only=True)  # Those being made and used.
    notifier: Notifier = field(kw_only=True)  # Who is told of changes.
    watchers: Watchers = field(kw_only=True)  # Who is told of registrations.
    peers: Peers = field(kw_only=True)  # The same with the way to them, what they said last and the entity maps.
    admission: Admission = field(default_factory=Admission)  # Who is worked for next.
    since: int = field(default_factory=now_us)  # When this hub began to answer (µs).
    plans: dict[Any, Any] = field(default_factory=dict)  # Questions understood before (information/quick.py).


@dataclass(slots=True)
class Call:
    """One request. `path` holds the variable parts of its path, decoded; header names are in lower case."""

    door: Door
    method: str
    path: tuple[str, ...]
    route: str
    raw_query: str
    headers: dict[str, str]
    tenant: str
    actor: Actor
    body: bytes = b""
    snapshot: str = ""  # The snapshot that it works on; then `tenant` is where that stands (clause 6.3.22).
    _query: dict[str, str] | None = None

    @property
    def hub(self) -> Hub:
        """The hub that answers."""
        return self.door.hub

    @property
    def query(self) -> dict[str, str]:
        """The query parameters; of one given twice the last counts."""
        if self._query is None:
            try:
                pairs = parse_qsl(self.raw_query, True, errors="strict", max_num_fields=MOST_PARAMETERS)
            except UnicodeDecodeError:
                raise Malformed("The query string is not UTF-8.") from None
            except ValueError:
                raise Invalid(f"The query string has more than {MOST_PARAMETERS} parameters.") from None
            self._query = dict(pairs)
        return self._query

    def flag(self, name: str) -> bool:
        """A parameter that is true or false; false when absent."""
        text = self.query.get(name, "false")
        if text not in _FLAGS:
            raise Invalid(f"{name} must be true or false, not {text[:40]!r}.")
        return _FLAGS[text]

    def options(self) -> frozenset[str]:
        """The words of the parameter options."""
        found = frozenset(word.strip() for word in self.query.get("options", "").split(",") if word.strip())
        if not found <= OPTIONS:
            raise Malformed(
                f"options holds {', '.join(sorted(found - OPTIONS))[:60]!r}; it knows {', '.join(sorted(OPTIONS))}."
            )
        return found

    def check_tenant(self) -> None:
        """Raise NoTenant unless the tenant is there (clause 5.5.10)."""
        if not (self.snapshot or self.hub.has_tenant(self.tenant)):
            raise NoTenant(f"There is no tenant {self.tenant}; the first create of an entity makes it.")

    async def names(self) -> Names:
        """The @context of a request without body, or of application/json: the Link header, else the core."""
        link = self.headers.get("link")
        if link is None:
            return CORE
        return await self.door.contexts.obtain(context_link(link))

    async def document(self) -> tuple[Any, Names]:
        """The body and its @context (clause 6.3.5). The context stays in the document; readers skip it."""
        decoded, is_ld = self.decoded()
        if isinstance(decoded, list):
            return decoded, CORE  # Each item of an array has a context of its own: see names_of.
        return decoded, await self.names_of(decoded, is_ld)

    async def names_of(self, document: Any, is_ld: bool) -> Names:
        """The names of one document, by the rules of clause 6.3.5."""
        if not is_ld:
            if isinstance(document, dict) and "@context" in document:
                raise Invalid("An application/json body has no @context: send it as application/ld+json.")
            return await self.names()
        if not isinstance(document, dict) or "@context" not in document:
            raise Invalid("An application/ld+json body needs its @context; else send it as application/json.")
        check_nesting(
            document["@context"], Reading(nulls=True, deep_nulls=True, depth=self.door.limits.depth), "@context"
        )
        return await self.door.contexts.obtain(document["@context"])

    def decoded(self) -> tuple[Any, bool]:
        """The body as JSON, and whether it is JSON-LD with its own context."""
        media = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_ld = media == LD_JSON
        if not is_ld and media != JSON and not (media == MERGE_JSON and self.method == "PATCH"):
            raise UnsupportedMedia(f"The Content-Type is {media[:60]!r}; send {JSON} or {LD_JSON}.")
        if is_ld and CONTEXT_REL in self.headers.get("link", ""):
            raise Invalid("An application/ld+json body brings its own @context: leave the Link header out.")
        return decode(self.body), is_ld

    def reading(self, names: Names, nulls: bool = False, merge: bool = False, valueless: bool = False) -> Reading:
        """How documents of this request are read; a merge may hold nulls at any depth, and instances without value."""
        return Reading(names, nulls or merge, merge, valueless, self.door.limits.depth)

    async def commit(self, changes: Iterable[Change], partial: bool = False) -> Receipt:
        """Commit changes as this request's actor; Idempotency-Key makes a repeat harmless."""
        reason = _utf8(self.headers.get("x-reason", ""))[:500] or f"{self.method} {self.route}"
        return await self.hub.commit(
            Commit(self.actor, tuple(changes), reason, key=self._key(), partial=partial, tenant=self.tenant)
        )

    def _key(self) -> str | None:
        key = self.headers.get("idempotency-key")
        if key is None:
            return None
        if not 0 < len(key) <= 200:
            raise Invalid("Idempotency-Key must have 1 to 200 characters.")
        # The same key with another body is another request: answering with the first receipt would lose it.
        parts = "\x00".join((self.actor.id, self.tenant, self.method, self.route, self.raw_query, *self.path, key))
        return hashlib.sha256(parts.encode() + b"\x00" + self.body).hexdigest()


def _utf8(text: str) -> str:
    """A header's text as it was meant: headers arrive byte by byte, and people write Vietnamese."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def decode(body: bytes) -> Any:
    """JSON of a body. Malformed says what is broken."""
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise Malformed("The body nests far too deep.") from None
    except UnicodeDecodeError as error:
        raise Malformed(f"The body is not UTF-8: byte {error.start} cannot be read.") from None
    except msgspec.DecodeError as error:
        raise Malformed(f"The body is not valid JSON: {error}.") from None


async def read_body(headers: Mapping[str, str], receive: Receive, limit: int) -> bytes:
    """The whole body. TooLarge beyond `limit` bytes, LengthRequired when nothing says how long it is."""
    length = headers.get("content-length")
    if length is None:
        raise LengthRequired("The request needs a Content-Length.")
    if length is not None and length.isdigit() and int(length[:20]) > limit:
        raise TooLarge(f"The body has {length[:20]} bytes; at most {limit} are taken. Send several smaller batches.")
    message = await _received(receive)
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        return _small(body, limit)
    parts, size = [body], len(body)
    while message.get("more_body", False):
        message = await _received(receive)
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            raise TooLarge(f"The body has more than {limit} bytes. Send several smaller batches.")
    return b"".join(parts)


async def _received(receive: Receive) -> Message:
    """The next piece of a body. Malformed when the client left before it was whole: half a body is no request."""
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Malformed("The connection ended before the whole body had come.")
    return message


def _small(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise TooLarge(f"The body has {len(body)} bytes; at most {limit} are taken. Send several smaller batches.")
    return body


def headers_of(scope: Scope) -> dict[str, str]:
    """Headers by lower-case name; those given several times are joined by commas (RFC 9110, 5.3)."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1"), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def tenant_of(headers: Mapping[str, str]) -> str:
    """The tenant that a request names, "" for the default one (clause 6.3.14)."""
    tenant = headers.get("ngsild-tenant", "")
    if tenant and not _TENANT.fullmatch(tenant):
        raise Invalid("NGSILD-Tenant must be 1 to 64 letters, digits, dots, hyphens or underscores.")
    return tenant


def segments(scope: Scope) -> tuple[str, ...]:
    """The parts of the path below the mount point, each decoded by itself: an id may hold %2F."""
    raw = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1").partition("?")[0]
    root = scope.get("root_path", "")
    if root and path.startswith(root):
        path = path[len(root) :]
    try:
        return tuple(unquote(part, errors="strict") for part in path.removeprefix("/").split("/"))
    except UnicodeDecodeError:
        raise Malformed("The path is not UTF-8.") from None


def context_link(header: str) -> str | None:
    """The address of the @context that a Link header names, None when it names none. Invalid when it names several."""
    found = [
        address
        for address, parameters in _LINK.findall(header)
        if f'rel="{CONTEXT_REL}"' in parameters.replace(" ", "") or f"rel={CONTEXT_REL}" in parameters.replace(" ", "")
    ]
    if len(found) > 1:
        raise Invalid("The Link header names several contexts; name one that joins them.")
    return found[0] if found else None
