"""The table of the command's verbs: name, sentence, arguments, and which function does it; nothing heavy is loaded.

To add a verb: one row in VERBS, and a function `(given: argparse.Namespace, settings: Settings) -> None` in a file
beside this one. An argument that has the name of a setting is that setting.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Argument:
    """A word of a verb: its names (`--port`, or `file` for one that stands by its place) and what argparse is told."""

    names: tuple[str, ...]
    told: dict[str, Any]
    group: str = ""  # Of those with the same group exactly one must be given.


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb: its name, what it does, where that is done (`file.function` of this folder), and its arguments."""

    name: str
    sentence: str
    does: str
    arguments: tuple[Argument, ...] = ()


def _arg(*names: str, group: str = "", **told: Any) -> Argument:
    return Argument(names, told, group)


def _data(default: str = "./dothi-data") -> Argument:
    return _arg("--data", metavar="DIR", help=f"the city's data folder (default: {default})")


_DATA = _data()
_STORE = _arg("--store", metavar="URL", help="postgresql://…, where the city is kept in a database")
_SERVING = (
    _arg("--port", metavar="N", help="the port (default: 8000)"),
    _arg("--host", help="the address to listen on (default: 127.0.0.1)"),
    _arg("--public-url", metavar="URL", help="the address that people use, behind a proxy"),
    _arg("--city", metavar="NAME", help="the name in the top bar"),
    _arg("--workers", metavar="N", help="processes that serve together (default: 1)"),
    _arg("--context-hosts", metavar="HOSTS", help="hosts from which @context documents may be fetched"),
    _arg("--open", action="store_true", default=None, help="anonymous NGSI-LD on generic types; loopback only"),
)
_PLACE = _arg("place", help="a folder, or object storage such as s3://bucket/city")
_PASSWORD = _arg("--password-file", metavar="FILE", help="seals and opens the keys that lie in the backup")
_BENCHES = ["hub", "shapes", "desk", "operations", "telling", "store", "history"]

VERBS = (
    Verb(
        "serve",
        "serve a city; an empty one prints a link to make its first administrator",
        "serving.serve",
        (
            _DATA,
            _STORE,
            *_SERVING,
            _arg("--samples", action="store_true", help="bring in the labelled sample rules and indicators once"),
        ),
    ),
    Verb(
        "demo",
        "serve the sample city, with simulated signals and sample users",
        "trial.demo",
        (
            _data("./dothi-demo"),
            *_SERVING,
            _arg("--fresh", action="store_true", help="begin anew, throwing the former demo away"),
        ),
    ),
    Verb(
        "import",
        "bring a file in through a mapping, beside a running server too",
        "importing.import_",
        (
            _DATA,
            _arg("file", help="CSV, GeoJSON or NGSI-LD JSON"),
            _arg("--mapping", metavar="M", help="name of a mapping, or a .toml file", group="what"),
            _arg("--boundaries", action="store_true", help="the file holds official boundaries of units", group="what"),
            _arg("--code-property", default="code", help="with --boundaries: the property with the unit's code"),
            _arg("--source", metavar="ID", help="the source it belongs to (default: the mapping's name)"),
            _arg("--dry-run", action="store_true", help="check only, write nothing"),
        ),
    ),
    Verb(
        "export",
        "take a city out: its log and files, in open formats",
        "moving.export",
        (_DATA, _STORE, _arg("folder", help="a new folder")),
    ),
    Verb(
        "load",
        "fill an empty city with an exported one, and prove them equal",
        "moving.load",
        (_DATA, _STORE, _arg("folder", help="what `dothi export` wrote")),
    ),
    Verb(
        "query",
        "ask history and present in SQL, read-only, beside a running server too",
        "query.query",
        (
            _DATA,
            _arg("sql", nargs="?", help="one SELECT, or @FILE that holds it; none: list the views"),
            _arg("--indicator", metavar="ID", help="instead of SQL: the mean of an indicator by its own question"),
            _arg("--period", metavar="P", help="with --indicator: e.g. 2026-11 (default: the one that runs)"),
            _arg("--engine", choices=["duckdb", "spark"], default="duckdb", help="what computes (default: duckdb)"),
            _arg("--master", metavar="URL", help="with spark: the cluster (default: two executors on this machine)"),
            _arg("--format", choices=["table", "csv", "json"], default="table", help="how the answer is written"),
            _arg("--out", metavar="FILE", help="write the answer into this file"),
        ),
    ),
    Verb(
        "letters",
        "list notifications that were given up, of a city that is not served just now",
        "moving.letters",
        (
            _DATA,
            _arg("--replay", metavar="SUBSCRIPTION", help="have those of one subscription sent once more"),
        ),
    ),
    Verb(
        "dispose",
        "count what the rules of data would end today, of a city that is not served; or look for who was erased",
        "disposing.dispose",
        (
            _DATA,
            _STORE,
            _arg("--dry-run", action="store_true", help="by class and unit: how much, how old, what is held"),
            _arg("--erased", metavar="PSEUDONYM", help="look for somebody in every byte; more traces on the input"),
        ),
    ),
    Verb(
        "backup",
        "back a city up beside its running server: what lies there already does not travel again",
        "keeping.backup",
        (
            _DATA,
            _STORE,
            _PLACE,
            _arg("--every", metavar="S", type=int, help="go on, once in S seconds, until Ctrl+C"),
            _arg("--keep", metavar="P", help="take older backups away but for days, weeks and months, e.g. 7d,4w,12m"),
            _PASSWORD,
        ),
    ),
    Verb(
        "restore",
        "put a city together again from its backups, in a new folder; whoever was erased stays erased",
        "keeping.restore",
        (
            _STORE,
            _PLACE,
            _arg("folder", help="a new folder"),
            _arg("--at", metavar="TIME", help="the city as it was then, e.g. 2026-11-22T08:00:00+07:00"),
            _arg("--key", metavar="FILE", help="the vault's key, where it was kept apart"),
            _arg("--erased", metavar="DIR", help="a data folder whose erased people must be gone too"),
            _PASSWORD,
        ),
    ),
    Verb(
        "drill",
        "restore the newest backup into an empty place for a try, prove it, and measure how long it took",
        "keeping.drill",
        (
            _STORE,
            _PLACE,
            _arg("--data", metavar="DIR", help="the data folder in whose notes the result is written"),
            _PASSWORD,
        ),
    ),
    Verb(
        "check",
        "prove a city that is not served just now: its log, and that everything follows from it",
        "check.check",
        (
            _DATA,
            _STORE,
            _arg("--log", action="store_true", required=True, help="every commit, entity, table, file and proof"),
            _arg("--since", metavar="FILE", help="a signed checkpoint kept elsewhere: the log must go on from it"),
        ),
    ),
    Verb(
        "migrate",
        "bring the stores of a city, at rest, to this version of dothi",
        "upgrading.migrate",
        (
            _DATA,
            _STORE,
            _arg("--dry-run", action="store_true", help="say what would be done, touch nothing"),
        ),
    ),
    Verb(
        "bundle",
        "make one signed file that brings this dothi to where there is no network",
        "upgrading.bundle",
        (
            _arg("file", help="the bundle, a new file"),
            _arg("--source", metavar="DIR", default=".", help="the clone it is made of (default: this folder)"),
            _arg("--pins", metavar="FILE", default="requirements/runtime.txt", help="dependencies by their hashes"),
            _arg("--key", metavar="FILE", required=True, help="who signs: an Ed25519 key in PEM form"),
        ),
    ),
    Verb(
        "upgrade",
        "install a bundle beside the version that runs, back the city up, migrate it, and switch; or go back",
        "upgrading.upgrade",
        (
            _DATA,
            _arg("--bundle", metavar="FILE", group="way", help="the bundle"),
            _arg("--back", action="store_true", group="way", help="go back to the version before and its store"),
            _arg("--trusted", metavar="FILE", help="the public key of who may sign bundles, in PEM form"),
            _arg("--home", metavar="DIR", required=True, help="where the versions lie side by side"),
            _arg("--place", metavar="PLACE", help="where the backup before the migration goes"),
        ),
    ),
    Verb(
        "bench",
        "measure, each figure beside its ceiling of the same run",
        "trial.bench",
        (
            _arg("what", nargs="?", default="hub", choices=_BENCHES, help="what to measure"),
            _arg("--quick", action="store_true", help="small sizes, to see that it runs"),
            _arg("--write", metavar="FILE", help="write the table into this Markdown file"),
            _arg("--store", metavar="URL", help="store: a PostgreSQL server on which databases may be made"),
            _arg(
                "--huge", action="store_true", help="store: ten million entities too; history: 10⁹ readings in 730 days"
            ),
            _arg("--folder", metavar="DIR", help="history: where the readings are made, kept and found again"),
        ),
    ),
)
