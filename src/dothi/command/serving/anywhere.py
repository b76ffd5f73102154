"""Which requests any process may answer: those for which the store, its log and what follows it are all that counts."""

from collections.abc import Callable, Iterable

from starlette.types import Scope

_API = "/ngsi-ld/v1/"
_STATIC = ("/static/", "/live")  # Files of the package; a stream that follows the feed.
# Information and its history (clauses 5.6 to 5.8, 5.10), and documents that are part of dothi.
_DATA = ("entities", "entityOperations", "temporal", "types", "attributes", "vocabulary.jsonld", "openapi.json")
_MAPS = "temporal/entityMaps"
_NOT_WITH = frozenset({b"ngsild-snapshot", b"ngsild-entitymap"})  # Snapshots and entity maps are held in memory.


def anywhere(no_sources: Callable[[str], bool]) -> Callable[[Scope], bool]:
    """Whether any process may answer; `no_sources(tenant)` says that a tenant has no context source registration.

    Where there is one, others are asked too: how their calls went, and who is left alone after a failure, is counted
    by the leader.
    """

    def may(scope: Scope) -> bool:
        path: str = scope["path"]
        if not path.startswith(_API):
            return scope["method"] in ("GET", "HEAD") and path.startswith(_STATIC)
        first = path[len(_API) :]
        if first.partition("/")[0] not in _DATA or first.startswith(_MAPS) or b"entityMap" in scope["query_string"]:
            return False
        return _plain(scope["headers"], path.endswith("/query")) and no_sources(_tenant(scope["headers"]))

    return may


def _plain(headers: Iterable[tuple[bytes, bytes]], question: bool) -> bool:
    """Whether nothing in the headers names what is held in memory.

    An answer to a question with a context of its own names where that context is lent: in the leader.
    """
    for name, value in headers:
        if name in _NOT_WITH or (question and name == b"content-type" and b"ld+json" in value):
            return False
    return True


def _tenant(headers: Iterable[tuple[bytes, bytes]]) -> str:
    return next((value.decode("latin-1") for name, value in headers if name == b"ngsild-tenant"), "")
