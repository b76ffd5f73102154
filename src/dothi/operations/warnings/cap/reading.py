"""A CAP 1.2 file read without trust: no document type, no entities, bounded in size, depth and number of elements."""

from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from dothi.ground.errors import Malformed, TooLarge, Unsupported
from dothi.operations.warnings.cap.message import NAMESPACE, Alert, Area, Circle, Info, Pairs, Ring

BYTES_MAX = 1_000_000
ELEMENTS_MAX = 20_000
POINTS_MAX = 20_000  # Of all polygons together.
_TAG = f"{{{NAMESPACE}}}"


def from_xml(content: bytes) -> Alert:
    """The message in a file. TooLarge, Malformed or Unsupported (CAP 1.1) say why there is none.

    An element that is missing comes as "": cap/checks.py tells. Resources and signatures are passed over.
    """
    if len(content) > BYTES_MAX:
        raise TooLarge(f"The file has {len(content)} bytes; a CAP message has at most {BYTES_MAX}.")
    try:
        root = fromstring(content, forbid_dtd=True, forbid_entities=True, forbid_external=True)
    except DefusedXmlException as cause:
        raise Malformed(
            "The file declares a document type or entities; CAP needs neither, so it is refused."
        ) from cause
    except (ParseError, ValueError, LookupError) as cause:
        raise Malformed(f"The file is no well-formed XML: {cause}.") from cause
    if root.tag != f"{_TAG}alert":
        raise Unsupported(f"The file is no CAP 1.2 message: its root is {root.tag[:100]}, not alert of {NAMESPACE}.")
    if sum(1 for _ in root.iter()) > ELEMENTS_MAX:
        raise TooLarge(f"The file has more than {ELEMENTS_MAX} elements.")
    return _alert(root)


def _alert(root: Element) -> Alert:
    return Alert(
        identifier=_text(root, "identifier"),
        sender=_text(root, "sender"),
        sent=_text(root, "sent"),
        status=_text(root, "status"),
        msg_type=_text(root, "msgType"),
        scope=_text(root, "scope"),
        source=_text(root, "source"),
        restriction=_text(root, "restriction"),
        addresses=_text(root, "addresses"),
        codes=_texts(root, "code"),
        note=_text(root, "note"),
        references=tuple(_text(root, "references").split()),
        incidents=_text(root, "incidents"),
        infos=tuple(_info(one) for one in _children(root, "info")),
    )


def _info(element: Element) -> Info:
    simple: dict[str, Any] = {
        name: _text(element, tag)
        for name, tag in (
            *(("event", "event"), ("urgency", "urgency"), ("severity", "severity"), ("certainty", "certainty")),
            *(("audience", "audience"), ("effective", "effective"), ("onset", "onset"), ("expires", "expires")),
            *(("sender_name", "senderName"), ("headline", "headline"), ("description", "description")),
            *(("instruction", "instruction"), ("web", "web"), ("contact", "contact")),
        )
    }
    return Info(
        language=_text(element, "language") or "en-US",  # Section 3.2.2: the default when there is none.
        categories=_texts(element, "category"),
        responses=_texts(element, "responseType"),
        event_codes=_pairs(element, "eventCode"),
        parameters=_pairs(element, "parameter"),
        areas=tuple(_area(one) for one in _children(element, "area")),
        **simple,
    )


def _area(element: Element) -> Area:
    polygons = tuple(_ring(text) for text in _texts(element, "polygon"))
    if sum(map(len, polygons)) > POINTS_MAX:
        raise TooLarge(f"An area has more than {POINTS_MAX} corners.")
    return Area(
        desc=_text(element, "areaDesc"),
        polygons=polygons,
        circles=tuple(_circle(text) for text in _texts(element, "circle")),
        geocodes=_pairs(element, "geocode"),
        altitude=_text(element, "altitude"),
        ceiling=_text(element, "ceiling"),
    )


def _ring(text: str) -> Ring:
    return tuple(_position(pair) for pair in text.split())


def _position(pair: str) -> tuple[float, float]:
    """(longitude, latitude) of "latitude,longitude"."""
    lat, comma, lon = pair.partition(",")
    try:
        if comma:
            return float(lon), float(lat)
    except ValueError:
        pass
    raise Malformed(f"“{pair[:40]}” is no position; CAP writes latitude,longitude (section 3.2.4).")


def _circle(text: str) -> Circle:
    middle, _, radius = text.strip().partition(" ")
    lon, lat = _position(middle)
    try:
        return Circle(lon, lat, float(radius))
    except ValueError as cause:
        raise Malformed(f"“{text[:40]}” is no circle; CAP writes latitude,longitude radius (section 3.2.4).") from cause


def _children(element: Element, tag: str) -> Iterator[Element]:
    return iter(element.findall(f"{_TAG}{tag}"))


def _text(element: Element, tag: str) -> str:
    return (element.findtext(f"{_TAG}{tag}") or "").strip()


def _texts(element: Element, tag: str) -> tuple[str, ...]:
    return tuple((one.text or "").strip() for one in _children(element, tag))


def _pairs(element: Element, tag: str) -> Pairs:
    return tuple((_text(one, "valueName"), _text(one, "value")) for one in _children(element, tag))
