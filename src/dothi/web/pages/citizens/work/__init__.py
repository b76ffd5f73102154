"""The official's pages: my work by deadline, one case with all its verbs, and the pages behind links that were sent."""

from dothi.web.pages.citizens.work import case, links, listing, near, verbs

PAGES = (*listing.PAGES, *case.PAGES, *near.PAGES, *verbs.PAGES, *links.PAGES)
