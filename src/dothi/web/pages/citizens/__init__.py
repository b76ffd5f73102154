"""The pages of citizens' reports: the citizen's own, what everybody sees, and the official's work."""

from dothi.web.pages.citizens import intake, problems, public, report, work

PAGES = (*intake.PAGES, *report.PAGES, *public.PAGES, *problems.PAGES, *work.PAGES)
