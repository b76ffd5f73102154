"""Writes of single entities as calls of another hub (clauses 6.4 to 6.7): operation, method, path and body."""

from typing import Any, NamedTuple
from urllib.parse import quote

from dothi.hub.context import Names
from dothi.hub.peers.federate.ask.forwarding import Call
from dothi.hub.peers.federate.provide.speaking import attribute, document
from dothi.hub.render.parse import Given


class Deed(NamedTuple):
    """One operation: `named` when the path names the attribute, `whole` when it is about no attributes."""

    operation: str
    method: str
    path: str
    named: bool = False
    whole: bool = False
    creates: bool = False
    attributes: bool = False  # A part that fails is told in an UpdateResult, not in a BatchOperationResult.

    def call(self, given: Given, names: Names, parameters: dict[str, str]) -> Call:
        """The call that does this to an entity, or to a part of it."""
        path = self.path.replace("{id}", quote(given.id, safe=":"))
        if self.named:
            path = path.replace("{name}", quote(names.outward(next(iter(given.attrs))), safe=":"))
        return Call(self.method, path, parameters, self._body(given, names))

    def _body(self, given: Given, names: Names) -> Any:
        if self.method == "DELETE":
            return None
        if self.named:
            return attribute(next(iter(given.attrs.values())), names)
        return document(given, names, given.id if self.creates else None)


CREATE = Deed("createEntity", "POST", "/entities", creates=True)
REPLACE = Deed("replaceEntity", "PUT", "/entities/{id}")
MERGE = Deed("mergeEntity", "PATCH", "/entities/{id}")
DELETE = Deed("deleteEntity", "DELETE", "/entities/{id}", whole=True)
APPEND = Deed("appendAttrs", "POST", "/entities/{id}/attrs/", attributes=True)
UPDATE = Deed("updateEntity", "PATCH", "/entities/{id}/attrs/", attributes=True)
PARTIAL = Deed("updateAttrs", "PATCH", "/entities/{id}/attrs/{name}", named=True, attributes=True)
REPLACE_ONE = Deed("replaceAttrs", "PUT", "/entities/{id}/attrs/{name}", named=True, attributes=True)
DROP = Deed("deleteAttrs", "DELETE", "/entities/{id}/attrs/{name}", named=True, attributes=True)
PASSED_ON = ("options", "type", "datasetId", "deleteAll")  # Parameters that mean the same to a source.
