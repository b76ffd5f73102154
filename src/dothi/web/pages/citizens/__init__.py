"""The pages of citizens' reports: the citizen's own, what everybody sees, and the official's work."""

from dothi.web.pages.citizens import public, report, work

PAGES = (*report.PAGES, *public.PAGES, *work.PAGES)
