"""The pages of council and programme office: sessions, directives, plans brought in, pilots, chasing, partners."""

from dothi.web.pages.council import calls, chasing, directives, imports, opinions, pilots, sessions

PAGES = (
    *sessions.PAGES,
    *opinions.PAGES,
    *directives.PAGES,
    *imports.PAGES,
    *pilots.PAGES,
    *chasing.PAGES,
    *calls.PAGES,
)
