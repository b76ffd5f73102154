"""The pages of an incident: its orders, given and carried out."""

from dothi.web.pages.operations.incidents import incident, listing, ordering, orders, review, suggested

PAGES = (
    *listing.PAGES,
    *incident.PAGES,
    *review.PAGES,
    *suggested.PAGES,
    *orders.PAGES,
    *ordering.PAGES,
)
