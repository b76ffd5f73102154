"""Operations on stored @contexts (clauses 6.29 and 6.30)."""

from dothi.hub.api.openapi.operation import READ, WRITE, Operation

CONTEXTS = (
    Operation("/jsonldContexts", "post", "createContext", "5.13.2", (201, *WRITE), body="Context"),
    Operation("/jsonldContexts", "get", "listContexts", "5.13.3", (200, *READ), ("details", "kind"), answer="Contexts"),
    Operation(
        "/jsonldContexts/{contextId}",
        "get",
        "serveContext",
        "5.13.4",
        (200, *READ, 422),
        ("details",),
        answer="Context",
    ),
    Operation(
        "/jsonldContexts/{contextId}", "delete", "deleteContext", "5.13.5", (204, 400, 401, 403, 404, 504), ("reload",)
    ),
)
