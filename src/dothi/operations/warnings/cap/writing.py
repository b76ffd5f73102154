"""A CAP 1.2 message as XML: elements in the order of the schema, latitude before longitude."""

from collections.abc import Iterable
from xml.etree import ElementTree as Xml

from dothi.operations.warnings.cap.message import NAMESPACE, Alert, Area, Info, Pairs

_ALERT = (
    *(("identifier", "identifier"), ("sender", "sender"), ("sent", "sent"), ("status", "status")),
    *(("msgType", "msg_type"), ("source", "source"), ("scope", "scope"), ("restriction", "restriction")),
    *(("addresses", "addresses"), ("code", "codes"), ("note", "note"), ("references", "references")),
    ("incidents", "incidents"),
)
_INFO = (
    *(("language", "language"), ("category", "categories"), ("event", "event"), ("responseType", "responses")),
    *(("urgency", "urgency"), ("severity", "severity"), ("certainty", "certainty"), ("audience", "audience")),
    *(("eventCode", "event_codes"), ("effective", "effective"), ("onset", "onset"), ("expires", "expires")),
    *(("senderName", "sender_name"), ("headline", "headline"), ("description", "description")),
    *(("instruction", "instruction"), ("web", "web"), ("contact", "contact"), ("parameter", "parameters")),
)
_PAIRS = frozenset({"eventCode", "parameter"})


def to_xml(alert: Alert) -> bytes:
    """The message as a UTF-8 file. What it says is checked elsewhere (cap/checks.py)."""
    root = Xml.Element("alert", {"xmlns": NAMESPACE})
    for tag, name in _ALERT:
        value = getattr(alert, name)
        _write(root, tag, " ".join(value) if tag == "references" else value)
    for info in alert.infos:
        _info(Xml.SubElement(root, "info"), info)
    Xml.indent(root)
    written: bytes = Xml.tostring(root, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _info(element: Xml.Element, info: Info) -> None:
    for tag, name in _INFO:
        value = getattr(info, name)
        if tag in _PAIRS:
            _pairs(element, tag, value)
        else:
            _write(element, tag, value)
    for area in info.areas:
        _area(Xml.SubElement(element, "area"), area)


def _area(element: Xml.Element, area: Area) -> None:
    _write(element, "areaDesc", area.desc)
    _write(element, "polygon", [" ".join(f"{degrees(y)},{degrees(x)}" for x, y in ring) for ring in area.polygons])
    _write(element, "circle", [f"{degrees(c.lat)},{degrees(c.lon)} {degrees(c.km)}" for c in area.circles])
    _pairs(element, "geocode", area.geocodes)
    _write(element, "altitude", area.altitude)
    _write(element, "ceiling", area.ceiling)


def degrees(value: float) -> str:
    """A number without exponent, up to six digits after the point."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _write(element: Xml.Element, tag: str, value: str | Iterable[str]) -> None:
    """An element for each text; none for an empty one."""
    for text in (value,) if isinstance(value, str) else value:
        if text:
            Xml.SubElement(element, tag).text = text


def _pairs(element: Xml.Element, tag: str, pairs: Pairs) -> None:
    for name, value in pairs:
        pair = Xml.SubElement(element, tag)
        Xml.SubElement(pair, "valueName").text = name
        Xml.SubElement(pair, "value").text = value
