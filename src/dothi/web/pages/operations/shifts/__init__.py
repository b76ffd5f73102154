"""The shift book: my shift, the handover in two steps, past notes, the roster."""

from dothi.web.pages.operations.shifts import books, handing, mine, roster

PAGES = (*mine.PAGES, *handing.PAGES, *books.PAGES, *roster.PAGES)
