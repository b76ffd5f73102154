"""The pages of citizens' reports: the citizen's own, what everybody sees, and the official's work."""

from dothi.web.pages.citizens import intake, offline, problems, public, report, services, statistics, work

PAGES = (
    *intake.PAGES,
    *offline.PAGES,
    *report.PAGES,
    *statistics.PAGES,
    *public.PAGES,
    *problems.PAGES,
    *services.PAGES,
    *work.PAGES,
)
