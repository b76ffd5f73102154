"""The command line of scripts/conformance: what is run, and what is printed."""

import argparse
import contextlib
import importlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from conforming.copying import copy_suite
from conforming.groups import chosen, files_of
from conforming.kept import commit_of, keep
from conforming.results import Outcome, read_outcomes
from conforming.running import Job, has_namespaces, how_many, run, run_here

_ROOT = Path(__file__).parent.parent.parent
_LONGEST = 300  # Characters of a failure's message on the screen.


def main(arguments: Sequence[str]) -> int:
    """0 when every test passed, 1 when some did not, 2 when nothing could be run."""
    if list(arguments[:1]) == ["--job"]:
        return run_here(Path(arguments[1]))
    given = _parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))  # An exit ends what was started; a bare signal would not.
    try:
        return _run(given)
    except (ValueError, RuntimeError, OSError, subprocess.SubprocessError) as wrong:
        print(f"conformance: {wrong}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/conformance", description=__doc__)
    parser.add_argument("suite", type=Path, help="a checkout of the suite")
    parser.add_argument(
        "groups", nargs="*", metavar="GROUP", help="groups, files or folders of it (default: all but iop)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="keep robot's output.xml, log.html and logs here, by group"
    )
    parser.add_argument("--include", action="append", default=[], metavar="TAG", help="only tests with this tag")
    parser.add_argument("--exclude", action="append", default=[], metavar="TAG", help="no tests with this tag")
    parser.add_argument(
        "--test", action="append", default=[], metavar="GLOB", help="only tests of this name, e.g. '042_01*'"
    )
    parser.add_argument("--file", default="", metavar="GLOB", help="only files of this stem, e.g. '019_*'")
    parser.add_argument(
        "--robot",
        default=os.environ.get("ROBOT", ""),
        help="robot's program (or ROBOT; default: one is installed into a cache)",
    )
    parser.add_argument(
        "--dothi",
        default=os.environ.get("DOTHI", ""),
        help="dothi's program (default: the one beside this Python, or of .venv)",
    )
    parser.add_argument("--timeout", type=float, default=3600, metavar="S", help="seconds after which a group is ended")
    parser.add_argument("--direct", action="store_true", help="no network of its own for each group")
    parser.add_argument(
        "--postgresql", action="store_true", help="keep every store in PostgreSQL: a server is started for it"
    )
    parser.add_argument("--keep", action="store_true", help="keep the rewritten copy and the stores, and say where")
    return parser


def _run(given: argparse.Namespace) -> int:
    suite = given.suite.resolve()
    wanted = chosen(suite, given.groups, given.file)
    if not wanted:
        raise ValueError("no test of this checkout is chosen")
    robot = [given.robot] if given.robot else _cached_robot(suite)
    work = Path(tempfile.mkdtemp(prefix="conformance-"))
    try:
        copy_suite(suite, work / "suite")
        with _databases(given.postgresql) as fresh:
            outcomes = _run_groups(given, wanted, work, robot, fresh)
    finally:
        if given.keep:
            print(f"kept: {work}")
        else:
            shutil.rmtree(work, ignore_errors=True)
    return 0 if all(one.passed for one in outcomes) else 1


@contextlib.contextmanager
def _databases(wanted: bool) -> Iterator[Callable[[int], list[str]]]:
    """Gives the URLs of so many new databases, none unless wanted; over a socket, which reaches every network."""
    if not wanted:
        yield lambda count: []
        return
    sys.path.insert(0, str(_ROOT))
    servers = importlib.import_module("tests.servers.postgres")
    with servers.serving() as server:
        server.folder.chmod(0o755)
        yield lambda count: [_by_socket(server.fresh(), server.folder, server.port) for _ in range(count)]


def _by_socket(url: str, folder: Path, port: int) -> str:
    """The same database, through the socket in a folder."""
    parts = urllib.parse.urlsplit(url)
    way = urllib.parse.urlencode({"host": str(folder), "port": port})
    return parts._replace(netloc=parts.netloc.rpartition("@")[0] + "@", query=way).geturl()


def _run_groups(
    given: argparse.Namespace,
    wanted: dict[str, list[str]],
    work: Path,
    robot: list[str],
    fresh: Callable[[int], list[str]],
) -> list[Outcome]:
    apart = not given.direct and has_namespaces()
    out = given.out.resolve() if given.out else work / "out"
    outcomes: list[Outcome] = []
    commit, version, suite_files = commit_of(given.suite.resolve()), _version(given.dothi), files_of(given.suite)
    for group, files in wanted.items():
        begun = time.monotonic()
        job = Job(
            group,
            files,
            str(work / "suite"),
            str(work / group),
            str(out / group),
            robot,
            _dothi(given.dothi),
            _filters(given),
            given.timeout,
            fresh(how_many(group)),
        )
        found = read_outcomes(run(job, apart=apart), work / "suite")
        if _whole(given, files, suite_files[group]):
            keep(out / group, commit, version, found)
        _say(group, found, time.monotonic() - begun)
        outcomes += found
    _say("all", outcomes, None)
    return outcomes


def _whole(given: argparse.Namespace, files: list[str], every: list[str]) -> bool:
    """Whether all tests of a group were run."""
    return files == every and not (given.include or given.exclude or given.test)


def _version(given: str) -> str:
    told = subprocess.run([*_dothi(given), "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    return told.stdout.split()[-1]


def _filters(given: argparse.Namespace) -> list[str]:
    pairs = (("--include", given.include), ("--exclude", given.exclude), ("--test", given.test))
    return ["--runemptysuite", *(word for name, values in pairs for value in values for word in (name, value))]


def _say(group: str, outcomes: Iterable[Outcome], seconds: float | None) -> None:
    every = list(outcomes)
    passed = sum(one.passed for one in every)
    took = "" if seconds is None else f"  ({seconds:.0f} s)"
    print(f"{group}: {passed}/{len(every)}{took}")
    if seconds is not None:
        for one in every:
            if not one.passed:
                print(f"  {one.test} [{Path(one.file).stem}] {one.message[:_LONGEST]}")
    sys.stdout.flush()


def _dothi(given: str) -> list[str]:
    beside = Path(sys.executable).with_name("dothi")
    for candidate in (given, str(beside), str(_ROOT / ".venv/bin/dothi")):
        if candidate and Path(candidate).is_file():
            return [str(Path(candidate).absolute())]
    found = shutil.which(given or "dothi")
    if not found:
        raise ValueError("dothi is not installed: run scripts/setup, or name it with --dothi")
    return [found]


def _cached_robot(suite: Path) -> list[str]:
    """The robot of an environment of its own, made once with what the checkout asks for."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "dothi-conformance"
    program = cache / "bin/robot"
    if not program.is_file():
        print(f"installing robot into {cache}", file=sys.stderr)
        lines = (suite / "requirements.txt").read_text().splitlines()
        wanted = [line for line in lines if line.strip() and not line.startswith(("#", "-e")) and "robocop" not in line]
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(cache)], check=True)  # noqa: S603
        install = [str(cache / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*install, *wanted], check=True)  # noqa: S603
    return [str(program)]
