"""The pages of warnings: those of the public, and those of who writes and releases them."""

from dothi.web.pages.operations.warnings import deliveries, feed, public

PAGES = (*feed.PAGES, *public.PAGES, *deliveries.PAGES)
