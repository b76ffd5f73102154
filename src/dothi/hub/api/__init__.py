"""The NGSI-LD API (GS CIM 009 clause 6): one box per chapter, the clause named over each handler."""

from dothi.hub.api.app import ngsi_ld
from dothi.hub.api.door.request import Limits

__all__ = ["Limits", "ngsi_ld"]
