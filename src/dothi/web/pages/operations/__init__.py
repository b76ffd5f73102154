"""The duty officer's pages: the situation and its alarms, the wall screen, the rules."""

from dothi.web.pages.operations import detections, rules, situation, wall

PAGES = (*situation.PAGES, *wall.PAGES, *rules.PAGES, *detections.PAGES)
