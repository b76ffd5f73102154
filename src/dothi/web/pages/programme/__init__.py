"""The programme's pages: overview, schemes, plans, projects, tasks and their parts, the law, and the public's page."""

from dothi.web.pages.programme import documents, duties, gantt, issuing, law, overview, projects, public, tasks

PAGES = (
    *overview.PAGES,
    *issuing.PAGES,
    *tasks.PAGES,
    *duties.PAGES,
    *documents.PAGES,
    *projects.PAGES,
    *gantt.PAGES,
    *law.PAGES,
    *public.PAGES,
)
