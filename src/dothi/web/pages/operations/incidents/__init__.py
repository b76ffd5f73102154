"""The pages of an incident: its orders, given and carried out."""

from dothi.web.pages.operations.incidents import ordering, orders

PAGES = (*orders.PAGES, *ordering.PAGES)
