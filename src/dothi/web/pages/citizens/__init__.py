"""The pages of citizens' reports: the citizen's own, what everybody sees, and the official's work."""

from dothi.web.pages.citizens import areas, intake, offline, problems, public, report, services, statistics, work

PAGES = (
    *areas.PAGES,
    *intake.PAGES,
    *offline.PAGES,
    *report.PAGES,
    *statistics.PAGES,
    *public.PAGES,
    *problems.PAGES,
    *services.PAGES,
    *work.PAGES,
)
