"""CAP 1.2 out: valid against the schema, against the rules that it misses, and the same when it is read again."""

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from shapely.geometry import MultiPoint

from dothi.ground.clock import HOUR, iso
from dothi.ground.errors import Invalid, Malformed, TooLarge, Unsupported
from dothi.operations.model import Operations
from dothi.operations.warnings import bulletins, service
from dothi.operations.warnings.cap.checks import check, errors
from dothi.operations.warnings.cap.making import Speaker, cap_time, make_alert, make_cap
from dothi.operations.warnings.cap.message import NAMESPACE, Alert, Area, Circle, Info
from dothi.operations.warnings.cap.reading import BYTES_MAX, from_xml
from dothi.operations.warnings.cap.writing import to_xml
from dothi.operations.warnings.model import Bulletin, Kind, Severity, Shape, State, Urgency, Warning
from dothi.operations.warnings.model import Certainty as Sure
from dothi.operations.warnings.model import Circle as Drawn
from dothi.operations.warnings.model import Info as Text
from dothi.operations.warnings.rules import parse, shipped
from tests.operations.warnings.writing import (
    CITY,
    HERE,
    LAN,
    RIVER,
    T0,
    WARD,
    draft,
    entry,
    followed,
    in_city,
    released,
)

RULES = parse(shipped())
SPEAKER = Speaker("Thành phố Huế (mẫu)", "https://hue.example.vn")
GOOD = Alert(
    "46.1", "hue.example.vn", "2026-11-22T08:00:00+07:00", "Actual", "Alert", "Public",
    infos=(
        Info(
            "vi-VN", ("Met",), "Lũ", "Immediate", "Severe", "Likely", expires="2026-11-22T18:00:00+07:00",
            areas=(Area("Ven sông", (RIVER,), geocodes=(("VN-GSO", WARD),)),),
        ),
    ),
)  # fmt: skip


@lru_cache(maxsize=1)
def schema(data: Path) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(str(data / "schemas/cap12.xsd")))


def with_info(**more: object) -> Alert:
    return replace(GOOD, infos=(replace(GOOD.infos[0], **more),))  # type: ignore[arg-type]


def with_area(**more: object) -> Alert:
    return with_info(areas=(replace(GOOD.infos[0].areas[0], **more),))


BOW = ((107.5, 16.4), (107.6, 16.5), (107.6, 16.4), (107.5, 16.5), (107.5, 16.4))
MISSED = {  # What the schema lets pass (True) or not, and the section and the place that the checks name.
    "update without references": (replace(GOOD, msg_type="Update"), "3.2.1", "references", True),
    "cancel without references": (replace(GOOD, msg_type="Cancel"), "3.2.1", "references", True),
    "ack without references": (replace(GOOD, msg_type="Ack"), "3.2.1", "references", True),
    "error without references": (replace(GOOD, msg_type="Error"), "3.2.1", "references", True),
    "references in another form": (replace(GOOD, references=("x,46.0",)), "3.2.1", "references", True),
    "refers to itself": (replace(GOOD, references=(GOOD.reference,)), "3.2.1", "references", True),
    "private without addresses": (replace(GOOD, scope="Private"), "3.2.1", "addresses", True),
    "restricted without restriction": (replace(GOOD, scope="Restricted"), "3.2.1", "restriction", True),
    "restriction of a public one": (replace(GOOD, restriction="nội bộ"), "3.2.1", "restriction", True),
    "comma in the identifier": (replace(GOOD, identifier="a,b"), "3.2.1", "identifier", True),
    "space in the sender": (replace(GOOD, sender="đài khí tượng"), "3.2.1", "sender", True),
    "less-than in the sender": (replace(GOOD, sender="a<b"), "3.2.1", "sender", True),
    "ampersand in the identifier": (replace(GOOD, identifier="a&b"), "3.2.1", "identifier", True),
    "no identifier": (replace(GOOD, identifier=""), "3.2.1", "identifier", False),
    "sent in Z": (replace(GOOD, sent="2026-11-22T01:00:00Z"), "3.3.2", "sent", False),
    "comma as the sign of the zone": (replace(GOOD, sent="2026-11-22T01:00:00,07:00"), "3.3.2", "sent", False),
    "thirteenth month": (replace(GOOD, sent="2026-13-22T01:00:00+07:00"), "3.2.1", "sent", False),
    "alert that says nothing": (replace(GOOD, infos=()), "3.2.1", "info", True),
    "ends before it begins": (with_info(expires="2026-11-22T07:59:00+07:00"), "3.2.2", "info 1 expires", True),
    "ends before effective": (
        with_info(effective="2026-11-22T19:00:00+07:00"), "3.2.2", "info 1 expires", True,
    ),
    "no category": (with_info(categories=()), "3.2.2", "info 1 category", False),
    "language that is none": (with_info(language="tiếng Việt"), "3.2.2", "info 1 language", False),
    "no event": (with_info(event=""), "3.2.2", "info 1 event", False),
    "open polygon": (with_area(polygons=(RIVER[:-1],)), "3.2.4", "info 1 area 1 polygon", True),
    "polygon of three points": (with_area(polygons=((*RIVER[:2], RIVER[0]),)), "3.2.4", "info 1 area 1 polygon", True),
    "polygon that crosses itself": (with_area(polygons=(BOW,)), "3.2.4", "info 1 area 1 polygon", True),
    "longitude first": (
        with_area(polygons=(tuple((y, x) for x, y in RIVER),)), "3.2.4", "info 1 area 1 polygon", True,
    ),
    "circle off the Earth": (with_area(circles=(Circle(107.5, 96.4, 1.0),)), "3.2.4", "info 1 area 1 circle", True),
    "negative radius": (with_area(circles=(Circle(107.5, 16.4, -1.0),)), "3.2.4", "info 1 area 1 circle", True),
    "ceiling without altitude": (with_area(ceiling="100"), "3.2.4", "info 1 area 1 ceiling", True),
    "letter that XML does not know": (with_info(headline="a\x07"), "3.3.3", "info 1 headline", False),
}  # fmt: skip


@pytest.mark.parametrize("name", MISSED)
def test_what_the_schema_misses(name: str, shared_data: Path) -> None:
    """Each wrong message is told with section and place; which of them the schema alone would let pass is known."""
    wrong, section, where, passes = MISSED[name]
    assert (section, where) in {(one.section, one.where) for one in errors(wrong)}
    try:
        valid = schema(shared_data).validate(etree.fromstring(to_xml(wrong)))
    except etree.XMLSyntaxError:
        valid = False
    assert valid is passes


def test_a_good_message_is_good(shared_data: Path) -> None:
    """The message from which the wrong ones are made has no finding; advice is told apart from errors."""
    assert check(GOOD) == ()
    assert schema(shared_data).validate(etree.fromstring(to_xml(GOOD)))
    long = check(with_info(headline="x" * 161))
    assert [(one.where, one.advice) for one in long] == [("info 1 headline", True)]
    assert errors(with_info(headline="x" * 161)) == ()
    assert [one.advice for one in check(with_area(polygons=(), geocodes=()))] == [True]


WORDS = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs")), max_size=200).map(str.strip)
SOME = WORDS.filter(bool)
LON, LAT = st.integers(102_000_000, 118_000_000), st.integers(6_000_000, 23_000_000)


@st.composite
def rings(pick: st.DrawFn) -> tuple[tuple[float, float], ...]:
    points = pick(st.lists(st.tuples(LON, LAT), min_size=3, max_size=10))
    hull = MultiPoint([(x / 1e6, y / 1e6) for x, y in points]).convex_hull
    return tuple(hull.exterior.coords) if hull.geom_type == "Polygon" else RIVER


SHAPES = st.one_of(
    st.builds(Shape, SOME, rings()),
    st.builds(
        Shape,
        SOME,
        circle=st.builds(Drawn, LON.map(lambda x: x / 1e6), LAT.map(lambda y: y / 1e6), st.integers(1, 300)),
    ),
)
TEXTS = st.builds(Text, SOME, WORDS, SOME)
WARNINGS = st.builds(
    Warning,
    id=st.uuids().map(lambda name: f"urn:ngsi-ld:Warning:{name.hex}"),
    version=st.just(1),
    thread=st.just("urn:ngsi-ld:Warning:thread"),
    kind=st.sampled_from(Kind),
    state=st.just(State.RELEASED),
    title=WORDS,
    hazard=st.sampled_from(sorted(RULES.hazards)),
    event=st.fixed_dictionaries({"vi": SOME, "en": SOME}),
    severity=st.sampled_from(Severity),
    urgency=st.sampled_from(Urgency),
    certainty=st.sampled_from(Sure),
    info=st.fixed_dictionaries({"vi": TEXTS, "en": TEXTS}),
    units=st.lists(st.sampled_from([CITY, WARD, "19774", "19777"]), unique=True).map(tuple),
    shapes=st.lists(SHAPES, min_size=1, max_size=3).map(tuple),
    area=st.fixed_dictionaries({"vi": SOME, "en": SOME}),
    references=st.just(("hue.example.vn,46.0,2026-11-22T07:00:00+07:00",)),
    sent=st.just(iso(T0)),
    effective=st.integers(0, 3).map(lambda hours: iso(T0 + hours * HOUR)),
    expires=st.integers(4, 300).map(lambda hours: iso(T0 + hours * HOUR)),
    sender=st.just("hue.example.vn"),
    identifier=st.uuids().map(str),
    drill=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(WARNINGS)
def test_out_and_in_is_the_same(shared_data: Path, warning: Warning) -> None:
    """Whatever warning: its file is valid by schema and checks, and read again it says the same, every text whole."""
    alert = make_alert(HERE, RULES, SPEAKER, warning)
    assert errors(alert) == ()
    content = to_xml(alert)
    schema(shared_data).assertValid(etree.fromstring(content))
    assert from_xml(content) == alert
    vietnamese, english = alert.infos
    for language, info in (("vi", vietnamese), ("en", english)):
        said = warning.info[language]
        assert (info.headline, info.description, info.instruction) == (
            said.headline,
            said.description,
            said.instruction,
        )
    assert (vietnamese.language, english.language) == ("vi-VN", "en-US")
    assert alert.status == ("Exercise" if warning.drill else "Actual")
    assert vietnamese.parameters == ()  # No bulletin, no legal level.


def test_what_goes_out_is_checked(shared_data: Path) -> None:
    """A warning that would be no CAP message is told with its findings; with what is there the file is made."""
    warning = replace(_example(), identifier="a b")
    with pytest.raises(Invalid) as told:
        make_cap(HERE, RULES, SPEAKER, warning)
    assert "3.2.1" in told.value.detail
    assert schema(shared_data).validate(etree.fromstring(make_cap(HERE, RULES, SPEAKER, _example())))


def _example() -> Warning:
    return Warning(
        "urn:ngsi-ld:Warning:1", 1, "urn:ngsi-ld:Warning:1", Kind.ALERT, State.RELEASED, "Lũ", "flood",
        {"vi": "Lũ", "en": "Flood"}, Severity.SEVERE, Urgency.IMMEDIATE, Sure.LIKELY,
        {"vi": Text("Lũ", "", "Lên cao"), "en": Text("Flood", "", "Go up")}, (WARD,), (), {"vi": "Huế", "en": "Hue"},
        effective=iso(T0), expires=iso(T0 + HOUR), sent=iso(T0), sender="hue.example.vn", identifier="46.1",
    )  # fmt: skip


def test_the_files_of_a_whole_warning(tmp_path: Path, shared_data: Path) -> None:
    """Release, update, all-clear, a drill and its cancellation: each file is valid and names those before it.

    It says status, msgType and responseType as they are; the level in it is that of the bulletin in force.
    """

    async def story(operations: Operations) -> None:
        official = await bulletins.enter(operations, LAN, entry(), T0)
        first = await released(operations, draft(bulletin=official.id))
        wider = await followed(
            operations, first, Kind.UPDATE, draft(units=(WARD, "19774"), shapes=(Shape("Bến", RIVER),))
        )
        clear = await followed(operations, wider, Kind.ALL_CLEAR)
        drill = await released(operations, draft(drill=True))
        off = await followed(operations, drill, Kind.CANCEL)
        files = [service.cap_file(operations, one) for one in (first, wider, clear, drill, off)]
        for content in files:
            schema(shared_data).assertValid(etree.fromstring(content))
        read = [from_xml(content) for content in files]
        assert [errors(one) for one in read] == [()] * 5
        assert [one.msg_type for one in read] == ["Alert", "Update", "Update", "Alert", "Cancel"]
        assert [one.status for one in read] == ["Actual"] * 3 + ["Exercise"] * 2
        assert [one.references for one in read] == [
            (), (read[0].reference,), (read[0].reference, read[1].reference), (), (read[3].reference,),
        ]  # fmt: skip
        assert [one.infos[0].responses for one in read][1:3] == [("Evacuate", "Avoid"), ("AllClear",)]
        assert read[2].infos[0].urgency == "Past"
        assert [dict(one.infos[0].parameters) for one in read] == [{"VN-DISASTER-RISK-LEVEL": "3"}, {}, {}, {}, {}]
        assert [area.desc for area in read[1].infos[0].areas] == ["Phường Thuận Hóa", "Phường Kim Long", "Bến"]
        assert read[1].infos[0].areas[0].geocodes == (("VN-GSO", WARD),)
        assert read[0].sent == "2026-11-22T08:00:00+07:00"
        assert len({one.identifier for one in read}) == 5

    in_city(tmp_path, story)


EVIL = {
    "entities": (
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><alert xmlns="%s">&b;</alert>',
        Malformed,
    ),
    "a file of the machine": (
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><alert xmlns="%s"><note>&f;</note></alert>',
        Malformed,
    ),
    "a document type elsewhere": (
        b'<!DOCTYPE alert SYSTEM "http://example.com/x.dtd"><alert xmlns="%s"></alert>',
        Malformed,
    ),
    "half a file": (b'<alert xmlns="%s"><identifier>', Malformed),
    "no XML": (b"Tin bao so 5", Malformed),
    "nothing": (b"", Malformed),
    "another root": (b"<html></html>", Unsupported),
    "version 1.1": (b'<alert xmlns="urn:oasis:names:tc:emergency:cap:1.1"></alert>', Unsupported),
    "too large": (b"<a>" + b"x" * BYTES_MAX + b"</a>", TooLarge),
    "too many elements": (b'<alert xmlns="%s">' + b"<info/>" * 20_001 + b"</alert>", TooLarge),
    "a place that is none": (
        b'<alert xmlns="%s"><info><area><polygon>1,2 3;4</polygon></area></info></alert>',
        Malformed,
    ),
    "a circle that is none": (
        b'<alert xmlns="%s"><info><area><circle>1,2 xa</circle></area></info></alert>',
        Malformed,
    ),
    "a coding that is none": (b'<?xml version="1.0" encoding="x-none"?><alert xmlns="%s"/>', Malformed),
}


@pytest.mark.parametrize("name", EVIL)
def test_evil_files_are_refused(name: str) -> None:
    """Entities, document types, broken, foreign and huge files are refused with an error of ours, and quickly."""
    content, error = EVIL[name]
    with pytest.raises(error):
        from_xml(content.replace(b"%s", NAMESPACE.encode()))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    """Whatever bytes come, the reader answers with a kind of error that the caller is told."""
    for content in (noise, to_xml(GOOD)[:200] + noise, to_xml(GOOD).replace(b"Actual", noise[:8])):
        try:
            check(from_xml(content))
        except (Malformed, TooLarge, Unsupported):
            continue


def test_a_level_goes_out_as_the_bulletins_own() -> None:
    """Without a bulletin, or with one that names no level, no parameter goes out, however severe the warning is."""
    severe = replace(_example(), severity=Severity.EXTREME)
    none = Bulletin(
        "b", 1, "Tin", "flood", None, "s", "", "1", iso(T0), "Alert", (), iso(T0), iso(T0), (), "", (), "inForce"
    )
    for official, told in ((None, ()), (none, ()), (replace(none, level=4), (("VN-DISASTER-RISK-LEVEL", "4"),))):
        alert = make_alert(HERE, RULES, SPEAKER, severe, official)
        assert {info.parameters for info in alert.infos} == {told}
    assert cap_time(T0) == "2026-11-22T08:00:00+07:00"
