"""The NGSI-LD API described in OpenAPI 3.1, as tables: parameters, schemas, and one file of operations a chapter."""

from dothi.hub.api.openapi.description import OPERATIONS, description

__all__ = ["OPERATIONS", "description"]
