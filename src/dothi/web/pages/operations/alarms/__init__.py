"""The pages of alarms: one alarm, what people do with it, what is held back, and announced work."""

from dothi.web.pages.operations.alarms import acting, held, one

PAGES = (*held.PAGES, *one.PAGES, *acting.PAGES)
