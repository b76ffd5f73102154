"""Registrations as clients write them, for the tests of sources."""

from typing import Any

SENSORS = [{"entities": [{"type": "Sensor"}]}]
ONE = [{"entities": [{"type": "Sensor", "id": "urn:s:1"}], "propertyNames": ["speed"]}]
ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


def registration(**members: Any) -> dict[str, Any]:
    """The simplest registration with some members laid over it; None takes one away."""
    document = {
        "type": "ContextSourceRegistration",
        "endpoint": "http://there.example",
        "information": SENSORS,
        **members,
    }
    return {name: value for name, value in document.items() if value is not None}
