"""The generator of load: wrk where it is installed, else a small one of our own; one and the same for a whole run."""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

STAMP = "@observed-at@"  # Replaced in each request by an instant that was never sent before.
_STEP_US = 1000


@dataclass(frozen=True)
class Shape:
    """One request; those of a list are sent in turn."""

    method: str
    path: str
    body: str = ""
    content_type: str = ""


@dataclass(frozen=True)
class Sample:
    """What one run of load brought: answers a second, latencies in ms, answers that were not 2xx.

    `cpu_s` is the processor time of the server for one answer, nought where the machine does not tell it.
    """

    rate: float
    p50: float
    p99: float
    wrong: int
    cpu_s: float = 0.0


def generator() -> str:
    """The name of the generator that this machine has."""
    return "wrk" if shutil.which("wrk") else "dothi"


def drive(port: int, shapes: list[Shape], connections: int, seconds: float, first: int) -> Sample:
    """Send `shapes` in turn for some seconds from another process; `first` is the instant (s) of the first stamp."""
    with tempfile.TemporaryDirectory() as folder:
        use = _drive_wrk if generator() == "wrk" else _drive_own
        return use(Path(folder), port, shapes, connections, seconds, first)


def _drive_wrk(folder: Path, port: int, shapes: list[Shape], connections: int, seconds: float, first: int) -> Sample:
    script = folder / "load.lua"
    script.write_text(_LUA.replace("@SHAPES@", ",\n".join(map(_lua, shapes))).replace("@FIRST@", str(first)), "utf-8")
    duration = f"{max(1, round(seconds))}s"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{duration}", "-s", str(script), f"http://127.0.0.1:{port}"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)  # noqa: S603
    return _sample(ended.stdout)


def _drive_own(folder: Path, port: int, shapes: list[Shape], connections: int, seconds: float, first: int) -> Sample:
    order = {"port": port, "connections": connections, "seconds": seconds, "first": first}
    file = folder / "order.json"
    file.write_text(json.dumps(order | {"shapes": [asdict(one) for one in shapes]}), "utf-8")
    command = [sys.executable, "-m", "dothi.command.trial.bench.load", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)  # noqa: S603
    return _sample(ended.stdout)


def _sample(said: str) -> Sample:
    line = next(line for line in said.splitlines() if line.startswith("RESULT "))
    told: dict[str, Any] = json.loads(line.removeprefix("RESULT "))
    return Sample(**told)


def _lua(shape: Shape) -> str:
    return f'{{"{shape.method}", [==[{shape.path}]==], [==[{shape.body}]==], "{shape.content_type}"}}'


_LUA = """
local shapes = {@SHAPES@}
local ready, sent, second, stamp = {}, 0, -1, ""
for i, shape in ipairs(shapes) do
  local parts, from = {}, 1
  while true do
    local at = string.find(shape[3], "@observed-at@", from, true)
    if not at then parts[#parts + 1] = string.sub(shape[3], from) break end
    parts[#parts + 1] = string.sub(shape[3], from, at - 1)
    from = at + 13
  end
  ready[i] = parts
end
function request()
  local i = sent % #shapes + 1
  local now = @FIRST@ + math.floor(sent / 1000)
  if now ~= second then second = now stamp = os.date("!%Y-%m-%dT%H:%M:%S", now) end
  local instant = string.format("%s.%06dZ", stamp, sent % 1000 * 1000)
  sent = sent + 1
  local shape, headers = shapes[i], nil
  if shape[4] ~= "" then headers = {["Content-Type"] = shape[4]} end
  local body = shape[3] ~= "" and table.concat(ready[i], instant) or nil
  return wrk.format(shape[1], shape[2], headers, body)
end
function done(summary, latency)
  local e = summary.errors
  local wrong = e.status + e.connect + e.read + e.write + e.timeout
  local good = (summary.requests - e.status) / summary.duration * 1e6
  local p50, p99 = latency:percentile(50) / 1000, latency:percentile(99) / 1000
  io.write(string.format('RESULT {"rate": %f, "p50": %f, "p99": %f, "wrong": %d}\\n', good, p50, p99, wrong))
end
"""


@dataclass
class _Own:
    """Our generator at work: one request after the other on each connection."""

    port: int
    shapes: list[Shape]
    first: int
    until: float
    sent: int = 0
    wrong: int = 0

    def next(self) -> bytes:
        """The bytes of the next request."""
        shape = self.shapes[self.sent % len(self.shapes)]
        second, rest = divmod(self.sent * _STEP_US, 1_000_000)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(self.first + second)) + f".{rest:06}Z"
        self.sent += 1
        body = shape.body.replace(STAMP, stamp).encode()
        head = f"{shape.method} {shape.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
        if shape.content_type:
            head += f"Content-Type: {shape.content_type}\r\nContent-Length: {len(body)}\r\n"
        return head.encode() + b"\r\n" + body

    async def connection(self, taken: list[float]) -> None:
        """Ask until the time is over; the seconds that each answer took go into `taken`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        while time.monotonic() < self.until:
            began = time.perf_counter()
            writer.write(self.next())
            status = await _read_answer(reader)
            taken.append(time.perf_counter() - began)
            self.wrong += not 200 <= status < 300
        writer.close()
        await writer.wait_closed()


async def _read_answer(reader: asyncio.StreamReader) -> int:
    """Read one answer (our server says Content-Length) and give its status."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = head.partition("content-length:")[2].split("\r\n", 1)[0].strip()
    await reader.readexactly(int(length or 0))
    return int(head.split(" ", 2)[1])


async def _own_load(order: dict[str, Any]) -> Sample:
    shapes = [Shape(**one) for one in order["shapes"]]
    own = _Own(order["port"], shapes, order["first"], time.monotonic() + order["seconds"])
    taken: list[float] = []
    began = time.monotonic()
    await asyncio.gather(*(own.connection(taken) for _ in range(order["connections"])))
    lasted, ordered = time.monotonic() - began, sorted(taken)
    p50, p99 = (ordered[min(len(ordered) - 1, len(ordered) * part // 100)] * 1000 for part in (50, 99))
    return Sample((len(taken) - own.wrong) / lasted, p50, p99, own.wrong)


if __name__ == "__main__":
    print("RESULT " + json.dumps(asdict(asyncio.run(_own_load(json.loads(Path(sys.argv[1]).read_text("utf-8")))))))
