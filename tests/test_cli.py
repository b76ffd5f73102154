"""The command: help, exit codes, an empty city served, files imported beside it, a city moved whole."""

import importlib
import inspect
import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dothi.cli import main
from dothi.command.verbs.table import VERBS


def dothi(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dothi.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@contextmanager
def served(data: Path, port: int, *more: str) -> Iterator[str]:
    """`dothi serve` as a child process; gives what it said first."""
    command = [sys.executable, "-m", "dothi.cli", "serve", "--data", str(data), "--port", str(port), *more]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    said = ""
    try:
        while "serves" not in said:
            line = child.stdout.readline()
            assert line, f"dothi ended: {said}"
            said += line
        until = time.monotonic() + 20
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ngsi-ld/v1/types", timeout=5).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.05)
        yield said
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(20)
        child.stdout.close()


def call(address: str, body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=20) as answer:
        content = answer.read()
        return json.loads(content) if content else None


def lamp(number: int) -> dict[str, Any]:
    return {
        "id": f"urn:ngsi-ld:Streetlight:{number}",
        "type": "Streetlight",
        "power": {"type": "Property", "value": number},
    }


def test_help_explains_every_verb() -> None:
    """`dothi --help` names each verb in a sentence, so does each verb; and it comes before dothi is loaded."""
    said = dothi("--help")
    assert said.returncode == 0
    for verb in ("serve", "demo", "import", "export", "load", "bench"):
        assert re.search(rf"^\s+{verb}\s+\w+", said.stdout, re.MULTILINE), verb
    for named in VERBS:
        assert dothi(named.name, "--help").returncode == 0
    check = (
        "import sys, dothi.cli; sys.exit(any(name in sys.modules for name in ('dothi.app', 'dothi.hub', 'msgspec')))"
    )
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_every_verb_of_the_table_is_done_somewhere() -> None:
    """Each row of the table names a function that takes what was given and the settings."""
    for verb in VERBS:
        file, _, function = verb.does.partition(".")
        found = getattr(importlib.import_module(f"dothi.command.verbs.{file}"), function)
        assert len(inspect.signature(found).parameters) == 2, verb.name
    assert dothi("--version").stdout.startswith("dothi ")


@pytest.mark.parametrize("arguments", [[], ["fly"], ["import", "x.csv"], ["serve", "--port"]])
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    """What the command line cannot mean ends with 2."""
    assert dothi(*arguments).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["import", "none.csv", "--mapping", "m", "--data", "{}"], "no such file"),
        (["export", "{}/out", "--data", "{}/none"], "no city"),
        (["load", "{}/none", "--data", "{}/city"], "no exported city"),
    ],
)
def test_what_cannot_be_done_ends_with_1(
    arguments: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A failure ends with 1 and one clear sentence."""
    assert main([one.format(tmp_path) for one in arguments]) == 1
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["serve", "--port", "99999", "--data", "{}"], "port"),
        (["serve", "--open", "--host", "0.0.0.0", "--data", "{}"], "loopback"),
    ],
)
def test_a_setting_that_cannot_be_ends_with_2(
    arguments: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A setting that cannot be used is wrong usage: 2, and one clear sentence."""
    assert main([one.format(tmp_path) for one in arguments]) == 2
    assert why in capsys.readouterr().err


def test_an_empty_city_offers_its_first_administrator_once(tmp_path: Path, free_port: int) -> None:
    """Served empty it prints a link that works once; anonymous readers and writers are refused."""
    with served(tmp_path, free_port) as said:
        link = re.search(r"http://127\.0\.0\.1:\d+/setup/\S+", said)
        assert link is not None
        with urllib.request.urlopen(link[0], timeout=20) as page:
            assert page.status == 200
        with pytest.raises(urllib.error.HTTPError) as refused:
            call(f"http://127.0.0.1:{free_port}/ngsi-ld/v1/entities", lamp(1))
        assert refused.value.code in (401, 403)
        refused.value.close()
        note = tmp_path / "running.json"
        assert stat.S_IMODE(os.stat(note).st_mode) == 0o600
        busy = dothi("serve", "--data", str(tmp_path), "--port", "0")
        assert (busy.returncode, "in use by process" in busy.stderr) == (1, True)
    assert not note.exists()


def test_open_lets_anybody_try(tmp_path: Path, free_port: int) -> None:
    """With --open anybody writes and reads generic types; guarded ones stay guarded."""
    with served(tmp_path, free_port, "--open"):
        base = f"http://127.0.0.1:{free_port}/ngsi-ld/v1"
        call(f"{base}/entities", lamp(1))
        assert call(f"{base}/entities/urn:ngsi-ld:Streetlight:1")["power"]["value"] == 1
        for kind in ("CitizenReport", "Alarm", "Task", "IndicatorValue"):
            with pytest.raises(urllib.error.HTTPError) as refused:
                call(f"{base}/entities", lamp(2) | {"type": kind})
            assert refused.value.code == 403
            refused.value.close()


def test_a_file_goes_in_with_and_without_a_server(tmp_path: Path, free_port: int) -> None:
    """`dothi import` writes into a folder at rest and through the server that holds it; the same file twice is once."""
    table = tmp_path / "flow.csv"
    table.write_text("Time,Water flow [l/s]\n2022-03-20T11:00:00+01:00,100.59\n2022-03-20T12:00:00+01:00,x\n")
    data = tmp_path / "city"
    order = ("import", str(table), "--mapping", "river-flow", "--data", str(data))
    checked = dothi(*order, "--dry-run")
    assert checked.returncode == 0, checked.stderr
    assert (json.loads(checked.stdout)["accepted"], json.loads(checked.stdout)["dry_run"]) == (1, True)
    first = json.loads(dothi(*order).stdout)
    assert (first["rows"], first["accepted"], first["quarantined"]) == (2, 1, 1)
    table.write_text("Time,Water flow [l/s]\n2022-03-20T13:00:00+01:00,101\n")
    with served(data, free_port, "--samples"):
        said = dothi(*order)
        assert said.returncode == 0, said.stderr
        assert json.loads(said.stdout)["accepted"] == 1
        wrong = dothi("import", str(table), "--mapping", "no-such-mapping", "--data", str(data))
        assert (wrong.returncode, "no mapping" in wrong.stderr) == (1, True)
    again = json.loads(dothi(*order).stdout)
    assert again["repeated"] is True


def test_a_city_moves_whole(tmp_path: Path, free_port: int) -> None:
    """Exported and loaded a city has the same counts and fingerprint; damage is found before a byte is written."""
    data = tmp_path / "city"
    with served(data, free_port, "--open"):
        base = f"http://127.0.0.1:{free_port}/ngsi-ld/v1"
        for turn in range(3):
            call(
                f"{base}/entityOperations/upsert",
                [lamp(n) | {"turn": {"type": "Property", "value": turn}} for n in range(50)],
            )
        held = dothi("export", str(tmp_path / "out"), "--data", str(data))
        assert (held.returncode, "in use" in held.stderr) == (1, True)
    out = dothi("export", str(tmp_path / "out"), "--data", str(data))
    assert out.returncode == 0, out.stderr
    loaded = dothi("load", str(tmp_path / "out"), "--data", str(tmp_path / "again"))
    assert loaded.returncode == 0, loaded.stderr
    sha = re.search(r"sha256 (\w{64})", out.stdout)
    assert sha is not None
    assert sha[1] in loaded.stdout
    twice = dothi("load", str(tmp_path / "out"), "--data", str(tmp_path / "again"))
    assert (twice.returncode, "not empty" in twice.stderr) == (1, True)
    log = tmp_path / "out" / "log.ndjson"
    log.write_bytes(log.read_bytes().replace(b'"value":2', b'"value":3', 1))
    damaged = dothi("load", str(tmp_path / "out"), "--data", str(tmp_path / "third"))
    assert (damaged.returncode, "not what was exported" in damaged.stderr) == (1, True)
    assert not (tmp_path / "third").exists()


def test_a_taken_port_and_an_impossible_setting_are_said_at_once(tmp_path: Path) -> None:
    """A taken port ends with 1 before a city is made, a setting that cannot be with 2, a file as folder with 1."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        for verb in ("serve", "demo"):
            taken = dothi(verb, "--data", str(tmp_path / "city"), "--port", port)
            assert (taken.returncode, "another --port" in taken.stderr) == (1, True), taken.stderr
    assert not (tmp_path / "city").exists()
    wrong = dothi("serve", "--data", str(tmp_path / "city"), "--port", "abc")
    assert (wrong.returncode, "whole number" in wrong.stderr) == (2, True), wrong.stderr
    (tmp_path / "file").write_text("")
    odd = dothi("serve", "--data", str(tmp_path / "file"), "--port", "0")
    assert (odd.returncode, "Traceback" in odd.stderr) == (1, False), odd.stderr


def test_official_boundaries_come_in_by_a_file(tmp_path: Path) -> None:
    """`dothi import --boundaries` says as JSON which communes now have an outline; other files end with 1."""
    ring = [[107.57, 16.45], [107.6, 16.45], [107.6, 16.47], [107.57, 16.45]]
    outline = {"type": "Feature", "properties": {"ma": "19789"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    path, data = tmp_path / "outlines.geojson", str(tmp_path / "city")
    path.write_text(json.dumps({"type": "FeatureCollection", "features": [outline]}), "utf-8")
    said = dothi("import", str(path), "--boundaries", "--code-property", "ma", "--data", data)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["imported"] == ["19789"]
    path.write_text("code;ring", "utf-8")
    wrong = dothi("import", str(path), "--boundaries", "--data", data)
    assert (wrong.returncode, "is not GeoJSON" in wrong.stderr) == (1, True)


def test_samples_come_when_asked_for(tmp_path: Path, free_port: int) -> None:
    """An empty city is empty; --samples brings the labelled provisions and indicators, once."""
    counts = []
    for more in ([], ["--samples"], ["--samples"]):
        with served(tmp_path, free_port, "--open", *more):
            found = call(f"http://127.0.0.1:{free_port}/ngsi-ld/v1/types").get("typeList", [])
            base = f"http://127.0.0.1:{free_port}/ngsi-ld/v1/entities?limit=100&type="
            counts.append({kind: len(call(base + kind)) for kind in ("LegalBasis", "Indicator")})
            assert ("LegalBasis" in found) is bool(more)
    assert set(counts[0].values()) == {0}
    assert min(counts[1].values()) >= 4
    assert counts[2] == counts[1]
