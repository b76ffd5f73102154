"""The pages of the sources: which keep their promise, and the rows that are held back."""

from dothi.web.pages.sources import listing, quarantine

PAGES = (*listing.PAGES, *quarantine.PAGES)
