"""The pages of evidence: figures, and reports from what is owed to what was signed."""

from dothi.web.pages.evidence import drafting, figures, periodic, signed

PAGES = (*figures.PAGES, *periodic.PAGES, *drafting.PAGES, *signed.PAGES)
