"""Units in time, areas, places and outlines: where something is, and which unit answers for it.

The verbs that write to the hub stand in `service.py`; the rest needs no hub, so that the build can use it.
"""

from dothi.territory.model import Candidate, Kind, Resolution, Unit
from dothi.territory.territory import PROVINCES_GEOJSON, START_VIEW, Territory

__all__ = ["PROVINCES_GEOJSON", "START_VIEW", "Candidate", "Kind", "Resolution", "Territory", "Unit"]
