"""Operations on registrations of context sources and on subscriptions to them (clauses 6.8, 6.9, 6.12 and 6.13)."""

from dothi.hub.api.openapi.operation import ALWAYS, READ, WRITE, Operation
from dothi.hub.api.openapi.parameters import GEO, PAGE

_ASKED = ("id", "idPattern", "type", "attrs", "pick", "omit", "q", "csf", "scopeQ", "lang")
_TIMES = ("timerel", "timeAt", "endTimeAt", "timeproperty")
SOURCES = (
    Operation(
        "/csourceRegistrations",
        "get",
        "queryContextSourceRegistrations",
        "5.10.2",
        (200, *READ),
        (*_ASKED, *GEO, "geometryProperty", *_TIMES, "options", *PAGE),
        answer="Registrations",
    ),
    Operation(
        "/csourceRegistrations", "post", "createContextSourceRegistration", "5.9.2", (201, *WRITE), body="Registration"
    ),
    Operation(
        "/csourceRegistrations/{registrationId}",
        "get",
        "retrieveContextSourceRegistration",
        "5.10.1",
        (200, *READ),
        ("geometryProperty", "options"),
        answer="Registration",
    ),
    Operation(
        "/csourceRegistrations/{registrationId}",
        "patch",
        "updateContextSourceRegistration",
        "5.9.3",
        (204, *WRITE),
        body="RegistrationFragment",
    ),
    Operation(
        "/csourceRegistrations/{registrationId}",
        "delete",
        "deleteContextSourceRegistration",
        "5.9.4",
        (204, *ALWAYS),
    ),
    Operation(
        "/csourceSubscriptions",
        "get",
        "queryContextSourceSubscriptions",
        "5.11.5",
        (200, *READ),
        ("options", *PAGE),
        answer="Subscriptions",
    ),
    Operation(
        "/csourceSubscriptions",
        "post",
        "createContextSourceSubscription",
        "5.11.2",
        (201, *WRITE),
        body="Subscription",
    ),
    Operation(
        "/csourceSubscriptions/{subscriptionId}",
        "get",
        "retrieveContextSourceSubscription",
        "5.11.4",
        (200, *READ),
        ("options",),
        answer="Subscription",
    ),
    Operation(
        "/csourceSubscriptions/{subscriptionId}",
        "patch",
        "updateContextSourceSubscription",
        "5.11.3",
        (204, *WRITE),
        body="SubscriptionFragment",
    ),
    Operation(
        "/csourceSubscriptions/{subscriptionId}",
        "delete",
        "deleteContextSourceSubscription",
        "5.11.6",
        (204, *ALWAYS),
    ),
)
