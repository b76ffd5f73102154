"""Operations on subscriptions (clauses 6.10 and 6.11), and on what of them was given up."""

from dothi.hub.api.openapi.operation import ALWAYS, READ, WRITE, Operation
from dothi.hub.api.openapi.parameters import PAGE

_ONE = "/subscriptions/{subscriptionId}"
SUBSCRIPTIONS = (
    Operation(
        "/subscriptions", "get", "querySubscriptions", "5.8.4", (200, *READ), ("options", *PAGE), answer="Subscriptions"
    ),
    Operation("/subscriptions", "post", "createSubscription", "5.8.1", (201, *WRITE), body="Subscription"),
    Operation(_ONE, "get", "retrieveSubscription", "5.8.3", (200, *READ), ("options",), answer="Subscription"),
    Operation(_ONE, "patch", "updateSubscription", "5.8.2", (204, *WRITE), body="SubscriptionFragment"),
    Operation(_ONE, "delete", "deleteSubscription", "5.8.5", (204, *ALWAYS)),
    Operation(f"{_ONE}/undelivered", "get", "listUndelivered", "5.8.6", (200, *READ), answer="Undelivered"),
    Operation(
        f"{_ONE}/undelivered",
        "post",
        "replayUndelivered",
        "5.8.6",
        (200, *WRITE, 406),
        body="Numbers",
        answer="Replayed",
    ),
    Operation(f"{_ONE}/undelivered", "delete", "forgetUndelivered", "5.8.6", (204, *ALWAYS)),
)
