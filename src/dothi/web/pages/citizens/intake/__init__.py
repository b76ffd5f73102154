"""The ways in as pages: the citizen's own form with what is said before sending, and the staff's counter."""

from dothi.web.pages.citizens.intake import counter, filing

PAGES = (*filing.PAGES, *counter.PAGES)
