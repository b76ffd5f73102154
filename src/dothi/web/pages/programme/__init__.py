"""The programme's pages: what is owed by which article, one task with its verbs, proposals, and the public's page."""

from dothi.web.pages.programme import overview, tasks

PAGES = (*overview.PAGES, *tasks.PAGES)
