"""The rules that raise alarms: those in force somewhere, one of them with its chart, and trying a change on 90 days."""

from dothi.web.pages.operations.rules import listing, one, trying

PAGES = (*listing.PAGES, *trying.PAGES, *one.PAGES)
