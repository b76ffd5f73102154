"""The pages of warnings: those of the public, and those of who writes and releases them."""

from dothi.web.pages.operations.warnings import bulletins, deliveries, feed, public, writing

PAGES = (*feed.PAGES, *public.PAGES, *deliveries.PAGES, *writing.PAGES, *bulletins.PAGES)
