"""Tests: a checkout of the suite is copied for a run without a network, and what robot wrote becomes the page."""

from pathlib import Path

import pytest
from conforming import page as pages
from conforming.copying import context_document, copy_suite
from conforming.groups import chosen, files_of
from conforming.kept import Run, keep, read_run
from conforming.page import Miss, page, read_misses, stale
from conforming.results import read_outcomes

OUTPUT = """<robot><suite name="All"><suite name="A" source="{root}/TP/NGSI-LD/CommonBehaviours/{stem}.robot">
<test name="{stem}_01 Asks"><tag>6_3_4</tag><tag>since_v1.5.1</tag><status status="PASS">fine</status></test>
<test name="{stem}_02 Asks more"><kw><status status="FAIL">inner</status></kw>
<status status="FAIL">503 !=
504</status></test>
<test name="{stem}_03 Asks | all"><status status="{third}">200 != 400</status></test>
</suite></suite></robot>"""
ADDRESS = "https://forge.etsi.org/rep/cim/x/-/raw/develop/resources/jsonld-contexts/some-compound.jsonld"


def ran(folder: Path, stems: list[str], commit: str, third: str = "FAIL") -> Run:
    """A kept run of the group `common` with three tests a file, as robot would have left it."""
    outcomes = []
    (folder / "common").mkdir(parents=True)
    for stem in stems:
        output = folder / f"{stem}.xml"
        output.write_text(OUTPUT.format(root=folder, stem=stem, third=third))
        outcomes += read_outcomes(output, folder)
    keep(folder / "common", commit, "1.0", outcomes)
    return read_run(folder, ["common", "iop"])


def test_outcomes_of_robot(tmp_path: Path) -> None:
    """A test is known by its id, file and tags; its own status decides, not that of a step, with its message."""
    first, second, third = ran(tmp_path, ["043_01"], "abc").groups["common"]
    assert (first.test, first.passed, first.message) == ("043_01_01", True, "")
    assert first.tags == {"6_3_4", "since_v1.5.1"}
    assert first.file == "TP/NGSI-LD/CommonBehaviours/043_01.robot"
    assert (second.passed, second.message) == (False, "503 != 504")
    assert third.name == "043_01_03 Asks | all"


def test_page_counts_and_explains(tmp_path: Path) -> None:
    """ETSI's own tests, those added, the older snapshot; each miss by clause, or named as unexplained."""
    extended = ran(tmp_path / "new", ["043_01", "900_01"], "new1234")
    snapshot = ran(tmp_path / "old", ["043_01"], "old1234", third="PASS")
    misses = [
        Miss(("043_01_02",), ("old1234",), "6.3.2", "suite", "The clause says 504."),
        Miss(("9*_03",), (), "5.7.2", "open", "Comes later."),
    ]
    text = page(extended, snapshot, misses)
    assert "| ETSI's own tests, as `new1234` has them | 1 | 3 | 0 | 0 | 2 |" in text
    assert "| tests that `new1234` adds | 1 | 3 | 0 | 1 | 1 |" in text
    assert "| the older snapshot `old1234` | 2 | 3 | 1 | 0 | 0 |" in text
    assert "| common | 2/6 | 2/3 |" in text
    new, old = text.split("## Misses of `old1234`")
    assert "| 043_01_02 | 6.3.2 | defect of the test | The clause says 504. |" in old
    assert "043_01_02 |  | unexplained | `503 != 504` |" in new
    assert "| 900_01_03 | 5.7.2 | not yet done | Comes later. |" in new


def test_explanations_that_have_become_needless(tmp_path: Path) -> None:
    """An explanation is asked to go when every test that it is about passes."""
    run = ran(tmp_path, ["043_01"], "abc", third="PASS")
    needless = Miss(("043_01_03",), (), "1", "suite", "…")
    needed = Miss(("043_01_0?",), (), "1", "suite", "…")
    assert stale([run], [needless, needed]) == ["043_01_03"]


def test_explanations_of_this_clone_are_whole() -> None:
    """Every row of docs/conformance-misses.toml names tests, clause, kind and reason."""
    assert all(miss.tests and miss.clause and miss.reason for miss in read_misses())


def test_explanation_without_a_clause_is_refused(tmp_path: Path) -> None:
    """A row that names no clause stops the page: nothing is explained without one."""
    table = tmp_path / "misses.toml"
    table.write_text('[[miss]]\ntests = ["1"]\nkind = "suite"\nreason = "so"\n')
    with pytest.raises(ValueError, match="clause"):
        read_misses(table)


def test_runs_of_two_commits_make_no_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Groups of different commits are not added up; a folder without results is told of."""
    ran(tmp_path / "one", ["043_01"], "abc")
    (tmp_path / "none").mkdir()
    assert pages.main([str(tmp_path / "one"), str(tmp_path / "none")]) == 2
    assert "one is needed" in capsys.readouterr().err


def test_copy_needs_no_network(tmp_path: Path) -> None:
    """Addresses of contexts become loopback ones that are answered from the copy; nothing else is changed."""
    suite = tmp_path / "suite"
    for path in ("TP/NGSI-LD/CommonBehaviours/1.robot", "resources/jsonld-contexts/some-compound.jsonld"):
        (suite / path).parent.mkdir(parents=True)
        (suite / path).write_text(f'{{"@context": "{ADDRESS}"}} https://uri.etsi.org/ngsi-ld/v1/x.jsonld')
    copy_suite(suite, tmp_path / "copy")
    copied = (tmp_path / "copy/TP/NGSI-LD/CommonBehaviours/1.robot").read_text()
    assert "forge.etsi.org/rep" in copied
    assert "https://forge" not in copied
    assert "https://uri.etsi.org/ngsi-ld/v1/x.jsonld" in copied
    local = copied.split('"')[3]
    assert local.startswith("http://127.0.0.1:")
    contexts = tmp_path / "copy/resources/jsonld-contexts"
    assert context_document(contexts, "/" + local.split("/", 3)[3]) == (contexts / "some-compound.jsonld").read_bytes()
    assert context_document(contexts, "/etc/passwd.jsonld") is None


def test_choice_of_tests(tmp_path: Path) -> None:
    """A word names a group, a file or a part of a path; a folder that no group knows is not lost."""
    for path in ("CommonBehaviours/1_01", "ContextInformation/Provision/TemporalEntity/2_01", "Newer/3_01"):
        place = tmp_path / f"TP/NGSI-LD/{path}.robot"
        place.parent.mkdir(parents=True)
        place.touch()
    assert set(files_of(tmp_path)) == {"common", "temporal", "other"}
    assert set(chosen(tmp_path, ["common"], "")) == {"common"}
    assert set(chosen(tmp_path, ["Newer"], "")) == {"other"}
    assert set(chosen(tmp_path, [], "2_*")) == {"temporal"}
    with pytest.raises(ValueError, match="no group"):
        chosen(tmp_path, ["nothing"], "")
