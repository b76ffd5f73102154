"""The pages of citizens' reports: the citizen's own, what everybody sees, and the official's work."""

from dothi.web.pages.citizens import problems, public, report, work

PAGES = (*report.PAGES, *public.PAGES, *problems.PAGES, *work.PAGES)
