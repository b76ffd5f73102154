"""The measuring itself: the right entity, fresh stamps, real answers from real processes, ratios as counted."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dothi.command.trial.bench import desk, load, material, operations, report, store
from dothi.command.trial.bench.load import STAMP, Sample, Shape
from dothi.command.trial.bench.operations import material as centre
from dothi.command.trial.bench.operations.feeding import Fed
from dothi.command.trial.bench.operations.measuring import MUST, Load, Phase, Run, run
from dothi.command.trial.bench.plan import CASES, QUICK
from dothi.command.trial.bench.run import measure
from dothi.command.trial.bench.store.measuring import Found, Grown, Plan
from dothi.ground.errors import Unavailable
from dothi.operations.rules.model import Each
from dothi.operations.rules.parse import parse

TINY = replace(QUICK, entities=300, written=200)
BY_ID = {case.id: case for case in CASES}


def test_the_entity_has_720_bytes() -> None:
    """It is the entity of the measurements that the aims come from, give or take a few digits."""
    bodies = [json.dumps(material.entity(n, "2026-11-22T07:08:49.123456Z"), separators=(",", ":")) for n in range(500)]
    assert all(710 <= len(body) <= 730 for body in bodies)
    assert len(json.loads(material.upserts(200)[1].body)) == material.BATCH


def test_real_servers_are_measured() -> None:
    """Writes on real processes: answers came, none was an error, ratios stand."""
    found = measure(TINY, tuple(BY_ID[name] for name in ("a",)))
    for one in found:
        assert all(sample.rate > 0 and sample.wrong == 0 for some in one.samples.values() for sample in some)
        assert all(one.p50(server) > 0 for server in one.case.servers)
    table = report.table(found)
    assert len(table.splitlines()) == 2 + sum(len(one.case.servers) for one in found)
    assert "same handler, store replaced by nothing" in table
    if Path("/proc/self/stat").exists():
        assert all(one.per_cpu("parse") > one.per_cpu("hub") for one in found)


def test_the_desk_is_measured() -> None:
    """Every page of a small city is asked for as both people, and stands beside the page without a list."""
    found = desk.measure(quick=True)
    assert [one.title for one in found[:3]] == ["desk(), commune", "page /work, commune", f"{desk.CEILING}, commune"]
    assert len(found) == 6
    assert all(len(one.times) == desk.ASKED and 0 < one.p50 <= one.p99 for one in found)
    rows = desk.table(found).splitlines()
    assert len(rows) == 2 + len(found)
    assert "| p50 < 200 ms: met |" in rows[2]
    assert rows[4].endswith("| 1.0 |  |")


def test_a_centre_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small centre under load: every value is held, every spike is an alarm that was seen."""
    monkeypatch.setattr(centre, "ONE_IN", 40)
    found = run(Load("small", 200, 40, 1, 2))
    assert [phase.name for phase in found.phases] == ["calm", "burst"]
    assert found.lost == 0
    burst = found.phases[1]
    assert (burst.fed.values, burst.missing) == (200, 0)
    assert burst.fed.spikes > 0
    assert all(0 < late < 20 for late in burst.late_s)
    assert 0 < burst.evaluation_s < burst.cpu_s
    assert len(operations.table([found]).splitlines()) == 4


def test_rules_of_the_centre_are_rules() -> None:
    """Of 200 rules as many watch each kind of sensor, and at least 50 are figures over communes."""
    rules = parse({"rule": centre.rules(200)})
    assert len(rules) == 200
    assert sum(one.each is Each.UNIT for one in rules.values()) == 50
    assert {one.type for one in rules.values()} == {kind for kind, _ in centre.KINDS}


def test_the_must_of_a_centre_is_judged() -> None:
    """Late alarms, lost values, a busy evaluator and a city that does not keep up are told as missed."""
    fed = Fed(60.0, 300_000, 2, [0.01])
    good = Phase(MUST, "calm", fed, [0.2, 0.3], 5.0, 40.0)
    assert "**missed**" not in operations.table([Run(MUST, (good,), 0)])
    for phase, lost in (
        (replace(good, late_s=[0.2, 2.5]), 0),
        (replace(good, late_s=[0.2]), 0),
        (replace(good, evaluation_s=16.0), 0),
        (replace(good, name="burst", fed=Fed(60.0, 250_000, 2, [0.01])), 0),
        (good, 1),
    ):
        assert "**missed**" in operations.table([Run(MUST, (phase,), lost)])


def test_an_error_is_no_measurement() -> None:
    """A case whose answers are errors stops the run and says which."""
    broken = replace(BY_ID["b"], shapes=lambda sizes: [Shape("PATCH", f"{material.API}/nowhere", "{}", "text/plain")])
    with pytest.raises(Unavailable, match="b on nostore"):
        measure(TINY, (replace(broken, servers=("nostore",)),))


@pytest.mark.parametrize("own", [True, False])
def test_no_reading_is_sent_twice(own: bool, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request carries an instant of its own, from wrk and from our own generator alike."""
    if own:
        monkeypatch.setattr(load, "generator", lambda: "dothi")
    elif load.generator() != "wrk":
        pytest.skip("left out: no wrk on this machine")
    seen = tmp_path / "seen"
    server = subprocess.Popen(
        [sys.executable, "-c", ECHO, str(free_port), str(seen)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    try:
        server.stdout.readline()
        shape = Shape("POST", "/x", f'["{STAMP}","{STAMP}"]', "application/json")
        sample = load.drive(free_port, [shape], 2, 1, 1_800_000_000)
    finally:
        server.terminate()
        server.wait(10)
        server.stdout.close()
    stamps = [tuple(json.loads(line)) for line in seen.read_text().splitlines()]
    assert sample.wrong == 0
    assert len(stamps) > 10
    assert all(first == second and first.startswith("2027-01-15T08:0") for first, second in stamps)
    assert len(set(stamps)) == len(stamps)


ECHO = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
out = open(sys.argv[2], "w", buffering=1)
class Keep(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        out.write(self.rfile.read(int(self.headers["Content-Length"])).decode() + chr(10))
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Keep)
print("ready", flush=True)
server.serve_forever()
"""


def test_the_table_says_what_was_met(tmp_path: Path) -> None:
    """Medians, spread, ratios, floors and aims as counted; the table replaces the former one in the document."""
    samples = {"hub": (100.0, 120.0, 140.0), "nostore": (300.0,) * 3, "parse": (500.0,) * 3, "city": (90.0,) * 3}
    made = {name: [Sample(rate, 5.0, 9.0, 0, 0.01) for rate in rates] for name, rates in samples.items()}
    text = report.table([report.Measured(BY_ID["a"], made)])
    assert "| 12,000 | 33% | 5.00 | 9.00 | 10,000 |" in text
    assert "≥ 10,000/s: met" in text
    assert "| 0.40 (1.00) | ≥ 0.45: **missed** |" in text
    assert "| 0.24 (1.00) | ≥ 0.20: met |" in text
    page = tmp_path / "benchmarks.md"
    page.write_text("# Before\n\n<!-- measured hub -->\nold\n<!-- /measured hub -->\n\nAfter\n")
    report.write(page, text)
    assert "old" not in page.read_text()
    assert page.read_text().startswith("# Before")
    assert page.read_text().endswith("After\n")


def test_growth_is_drawn_and_told_against_its_ceilings(tmp_path: Path) -> None:
    """A figure over its aim is met, one under it is missed; each question is drawn with a line a store."""
    asked = dict.fromkeys(("retrieve", "type and q", "near", "q and near", "history"), 2.0)
    events = {"paced": 5000.0, "core": 0.2, "p50": 1.0, "p99": 2.0, "free": 9000.0}
    rates = {"ingest": 10_000.0, "patch": 2000.0, **dict.fromkeys(asked, 500.0)}
    grown = [
        Grown(name, size, [9000.0, 8000.0], 10**8, rates, asked, events)
        for size in (1000, 1_000_000)
        for name in ("sqlite", "postgresql")
    ]
    ceilings = {f"{name} ingest {over}": 20_000.0 for name in ("sqlite", "postgresql") for over in ("nostore", "parse")}
    bare = {"sqlite": 4e4, "postgresql": 3e4, "events": 1e5}
    found = Found(Plan((1000, 1_000_000)), grown, bare, ceilings, {"busy": 7000.0, "calm": 10_000.0})
    said = store.table(found)
    assert "| sqlite: ingest / the same handler with no store | 0.50 | ≥ 0.60: **missed** |" in said
    assert "| sqlite: ingest / parse only | 0.50 | ≥ 0.30: met |" in said
    assert "| SQLite: ingest while sealing and under 10 queries/s / ingest alone | 0.70 | ≥ 0.80: **missed** |" in said
    assert "| sqlite: near over 1,000,000 entities | p50 2.00 ms | < 5 ms: met |" in said
    files = store.draw(found, tmp_path)
    assert len(files) == 7
    for file in files:
        drawn = ElementTree.fromstring(file.read_text("utf-8"))
        assert len(drawn.findall("{http://www.w3.org/2000/svg}polyline")) == 2
