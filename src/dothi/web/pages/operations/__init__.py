"""The duty officer's pages: the situation and its alarms, the wall screen, the rules."""

from dothi.web.pages.operations import (
    alarms,
    detections,
    incidents,
    quality,
    rules,
    shifts,
    situation,
    wall,
    warnings,
)

PAGES = (
    *situation.PAGES,
    *alarms.PAGES,
    *quality.PAGES,
    *wall.PAGES,
    *shifts.PAGES,
    *rules.PAGES,
    *detections.PAGES,
    *incidents.PAGES,
    *warnings.PAGES,
)
