"""Reading bytes into raw rows: encodings, CSV, JSON, GeoJSON; what cannot be read becomes a row with a fault."""

import codecs
import csv
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

import msgspec

from dothi.ground.errors import Invalid, TooLarge
from dothi.sources.mapping.model import Csv, Fault, Mapping, Raw
from dothi.sources.mapping.values import shown

MAX_JSON_BYTES = 256_000_000
MAX_LINE_CHARS = 1_000_000
UNPARSED = "_line"  # The column under which a line is kept that could not be split into cells.
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CODECS = {"utf-8": "utf-8-sig", "utf-16": "utf-16", "windows-1258": "cp1258", "latin-1": "latin-1"}
_CHUNK = 1 << 20


class UnknownEncoding(Invalid):
    """The text is in an encoding that nobody named."""


def read_rows(stream: BinaryIO, mapping: Mapping, name: str = "file") -> Iterator[Raw]:
    """The rows in `stream` by the mapping's format. Invalid when the whole cannot be read; `name` is for messages."""
    if mapping.format == "csv":
        return _csv_rows(stream, mapping, name)
    return _json_rows(stream, mapping, name)


def encoding_of(stream: BinaryIO, wanted: str, name: str) -> str:
    """The codec for the text in `stream` (which is left at its start): by byte-order mark, else as wanted, else UTF-8.

    8-bit encodings cannot be told apart by looking, so they are never guessed: UnknownEncoding says what to write.
    """
    head = stream.read(4)
    stream.seek(0)
    for mark, codec in _BOMS:
        if head.startswith(mark):
            return codec
    if wanted.lower() != "auto":
        return "utf-16-le" if wanted.lower() == "utf-16" and head[1:2] == b"\0" else _CODECS[wanted.lower()]
    if len(head) >= 2 and head[0] != 0 and head[1] == 0:
        return "utf-16-le"
    if len(head) >= 2 and head[0] == 0 and head[1] != 0:
        return "utf-16-be"
    _check_utf8(stream, name)
    return "utf-8"


def _check_utf8(stream: BinaryIO, name: str) -> None:
    """Raise UnknownEncoding when the bytes above 127 are mostly not UTF-8; single bad lines are a row's matter."""
    good = bad = first = 0
    for line, raw in enumerate(iter(lambda: stream.readline(MAX_LINE_CHARS), b""), 1):
        if not raw.isascii():
            try:
                raw.decode("utf-8")
                good += 1
            except UnicodeDecodeError:
                bad += 1
                first = first or line
    stream.seek(0)
    if bad > good:
        raise UnknownEncoding(
            f"{name}, line {first}: the text is not UTF-8 ({bad} lines hold bytes that are none). "
            'Say in the mapping which encoding it is: [csv] encoding = "windows-1258" (old Vietnamese files) or '
            '"latin-1", or save the file as UTF-8.',
            line=first,
        )


def _lines(stream: BinaryIO, mapping: Mapping, name: str) -> tuple[Iterator[str], str]:
    codec = encoding_of(stream, mapping.csv.encoding, name)
    errors = "replace" if codec.startswith("utf-16") else "surrogateescape"
    return _decoded(stream, codec, errors), codec


def _decoded(stream: BinaryIO, codec: str, errors: str) -> Iterator[str]:
    text = io.TextIOWrapper(stream, codec, errors, newline="")
    try:
        yield from iter(lambda: text.readline(MAX_LINE_CHARS), "")
    finally:
        if not stream.closed:
            text.detach()  # The stream is the caller's to close.


def _csv_rows(stream: BinaryIO, mapping: Mapping, name: str) -> Iterator[Raw]:
    layout = mapping.csv
    lines, codec = _lines(stream, mapping, name)
    number = 0
    for _ in range(layout.skip_lines):
        number += next(lines, None) is not None
    header = layout.header
    if not header:
        number += 1
        header = _header(next(lines, ""), layout, number, name)
    _check_header(header, mapping, name, number)
    if layout.multiline:
        yield from _multiline(lines, header, layout, codec, number)
    else:
        yield from _by_line(lines, header, layout, codec, number)


def _by_line(lines: Iterator[str], header: tuple[str, ...], layout: Csv, codec: str, number: int) -> Iterator[Raw]:
    """Each line is parsed for itself, so that one stray quote costs one line and not the rest of the file."""
    wanted, quote = len(header), layout.quote
    feed = _Feed()
    reader = csv.reader(feed, delimiter=layout.delimiter, quotechar=quote, strict=True)
    for line in lines:
        number += 1
        if not line.strip("\r\n"):
            continue
        feed.line = line
        try:
            cells = next(reader)
        except (csv.Error, StopIteration) as error:
            reader = csv.reader(feed, delimiter=layout.delimiter, quotechar=quote, strict=True)
            yield _unsplit(number, line, Fault("quoting", value=shown(error or line)))
            continue
        if len(cells) != wanted:
            yield _unsplit(number, line, Fault("columns", found=len(cells), wanted=wanted))
        elif not line.isascii() and _undecoded(line):
            yield Raw(
                number, {UNPARSED: _escaped(line)}, Fault("encoding", encoding=codec.removesuffix("-sig").upper())
            )
        else:
            yield Raw(number, dict(zip(header, cells, strict=True)))


class _Feed:
    """An iterator that gives the csv reader one line and then an end."""

    line: str | None = None

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line, self.line = self.line, None
        if line is None:
            raise StopIteration
        return line


def _multiline(lines: Iterator[str], header: tuple[str, ...], layout: Csv, codec: str, number: int) -> Iterator[Raw]:
    reader = csv.reader(lines, delimiter=layout.delimiter, quotechar=layout.quote)
    while True:
        start = number + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield _unsplit(start, str(error), Fault("quoting", value=shown(error)))
            continue
        if not cells:
            continue
        text = layout.delimiter.join(cells)
        if len(cells) != len(header):
            yield _unsplit(start, text, Fault("columns", found=len(cells), wanted=len(header)))
        elif not text.isascii() and _undecoded(text):
            yield Raw(start, {UNPARSED: _escaped(text)}, Fault("encoding", encoding=codec.upper()))
        else:
            yield Raw(start, dict(zip(header, cells, strict=True)))


def _unsplit(number: int, line: str, fault: Fault) -> Raw:
    return Raw(number, {UNPARSED: _escaped(line.rstrip("\r\n"))}, fault)


def _undecoded(line: str) -> bool:
    return any("\udc80" <= char <= "\udcff" or char == "\ufffd" for char in line)


def _escaped(line: str) -> str:
    """The line with undecodable bytes written in hexadecimal, so that it can be stored and nothing is lost."""
    if line.isascii() or not any("\udc80" <= char <= "\udcff" for char in line):
        return line
    return "".join(f"\\x{ord(char) - 0xDC00:02x}" if "\udc80" <= char <= "\udcff" else char for char in line)


def _header(line: str, layout: Csv, number: int, name: str) -> tuple[str, ...]:
    if not line.strip():
        raise Invalid(f"{name}, line {number}: there is no header line; the file is empty or shorter than skip-lines.")
    if _undecoded(line):
        raise UnknownEncoding(f"{name}, line {number}: the header is in another encoding; name it in the mapping.")
    try:
        cells = next(csv.reader([line], delimiter=layout.delimiter, quotechar=layout.quote, strict=True))
    except (csv.Error, StopIteration) as error:
        raise Invalid(f"{name}, line {number}: the header cannot be read: {error}.") from error
    return tuple(cell.strip() for cell in cells)


def _check_header(header: tuple[str, ...], mapping: Mapping, name: str, number: int) -> None:
    doubled = sorted({column for column in header if header.count(column) > 1})
    needed = mapping.columns()
    lacking = sorted(needed - set(header))
    if lacking:
        hint = "" if len(header) > 1 else f" Only one column was found: is the delimiter {mapping.csv.delimiter!r}?"
        raise Invalid(
            f"{name}, line {number}: mapping {mapping.name} needs the columns {', '.join(lacking)}; "
            f"the file has {shown(', '.join(header))}.{hint}",
            columns=lacking,
        )
    if needed & set(doubled):
        raise Invalid(f"{name}, line {number}: the column {doubled[0]} stands there twice.", columns=doubled)


def decode_json(body: bytes, name: str) -> Any:
    """The JSON value in `body`; Invalid says where it breaks."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{name}: not JSON: {error}.") from error
    except RecursionError as error:
        raise Invalid(f"{name}: the JSON is nested too deeply.") from error


def _json_rows(stream: BinaryIO, mapping: Mapping, name: str) -> Iterator[Raw]:
    body = stream.read(MAX_JSON_BYTES + 1)
    if len(body) > MAX_JSON_BYTES:
        raise TooLarge(f"{name}: JSON is read up to {MAX_JSON_BYTES} bytes; split the file.")
    tree = decode_json(body.removeprefix(codecs.BOM_UTF8), name)
    if mapping.format == "geojson":
        tree = _features(tree, name)
    items = tree if isinstance(tree, list) else [tree]
    for place, item in enumerate(items, 1):
        yield raw_of(item, place, mapping.format)


def raw_of(item: Any, place: int, form: str) -> Raw:
    """One JSON item as a raw row; of a GeoJSON feature the properties, its id and `geometry` are the columns."""
    if not isinstance(item, dict):
        return Raw(place, {UNPARSED: shown(item)}, Fault("not-an-object", value=shown(item)))
    if form == "geojson":
        properties = item.get("properties")
        own = {"_id": item["id"]} if "id" in item else {}
        return Raw(
            place, {**(properties if isinstance(properties, dict) else {}), **own, "geometry": item.get("geometry")}
        )
    return Raw(place, item)


def _features(tree: Any, name: str) -> list[Any]:
    if isinstance(tree, dict) and tree.get("type") == "Feature":
        return [tree]
    features = tree.get("features") if isinstance(tree, dict) else None
    if not isinstance(features, list):
        raise Invalid(f"{name}: not GeoJSON: a FeatureCollection with features, or one Feature, is needed.")
    return features
