"""The address of an endpoint taken apart: an HTTP resource, or the topic of an MQTT broker (clause 7.2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from dothi.ground.errors import Invalid

PORTS = {"http": 80, "https": 443, "mqtt": 1883, "mqtts": 8883}
VERSIONS = ("mqtt5.0", "mqtt3.1.1")
QUALITIES = ("0", "1", "2")


@dataclass(frozen=True, slots=True)
class Target:
    """Where an endpoint is; topic, version and quality are of MQTT alone."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    topic: str = ""
    version: str = VERSIONS[0]
    quality: int = 0


def target_of(address: str, settings: Mapping[str, str]) -> Target:
    """The target that an endpoint's uri and notifierInfo name. Invalid says what is wrong with them."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError as wrong:
        raise Invalid(f"The endpoint {address[:200]} is no address: {wrong}.") from None
    scheme = parts.scheme.lower()
    if not host:
        raise Invalid(f"The endpoint {address[:200]} names no host.")
    if not scheme.startswith("mqtt"):
        return Target(scheme, host, port or PORTS.get(scheme, 0))
    topic = unquote(parts.path.removeprefix("/"))
    if not topic or parts.query or any(sign in topic or sign in address for sign in "+#\x00"):
        raise Invalid(f"The endpoint {address[:200]} names no topic to publish on: mqtt://host/topic, without + and #.")
    version, quality = settings.get("MQTT-Version", VERSIONS[0]), settings.get("MQTT-QoS", QUALITIES[0])
    if version not in VERSIONS:
        raise Invalid(f"MQTT-Version is {version[:40]!r}; it is one of {', '.join(VERSIONS)}.")
    if quality not in QUALITIES:
        raise Invalid(f"MQTT-QoS is {quality[:40]!r}; it is one of {', '.join(QUALITIES)}.")
    user = None if parts.username is None else unquote(parts.username)
    password = None if parts.password is None else unquote(parts.password)
    return Target(scheme, host, port or PORTS[scheme], user or None, password, topic, version, int(quality))
