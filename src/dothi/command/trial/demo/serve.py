"""`dothi demo`: opens the sample city, fills it when it is new, says where it is and who may sign in, and serves it."""

import asyncio
import os
import shutil
import time
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn
import uvloop

from dothi.app import close_city, make_app, open_city
from dothi.command.trial.demo.filling import fill, is_filled
from dothi.command.trial.demo.living import live
from dothi.command.trial.demo.people import Cast
from dothi.command.trial.demo.places import PROVINCE
from dothi.front import server
from dothi.ground.errors import Conflict
from dothi.settings import Settings
from dothi.web.parts import Parts

CITY = "Thành phố Huế"
_FOLDER = Path("dothi-demo")
_NOTE = "demo.txt"  # Marks a folder that --fresh may throw away.
_ROLES = {
    "citizen": "người dân · citizen",
    "official": "cán bộ xử lý, Phường Thuận Hóa · official",
    "duty_officer": "trực ban · duty officer",
    "leader": "lãnh đạo · leader",
    "programme_officer": "cán bộ chương trình · programme officer",
    "assessor": "người đánh giá · assessor",
    "planner": "cán bộ quy hoạch · planner",
    "data_steward": "cán bộ dữ liệu · data steward",
    "administrator": "quản trị · administrator",
}


def main(settings: Settings, fresh: bool = False) -> None:
    """Serve the sample city until Ctrl+C. Conflict when the folder holds something else than a demo."""
    chosen = _in_own_folder(settings)
    prepare_folder(chosen.data, fresh)
    uvloop.run(_serve(chosen))


def _in_own_folder(settings: Settings) -> Settings:
    """The settings of a demo: a folder and a name of its own unless the operator chose others."""
    plain = Settings()
    data = _FOLDER if settings.data == plain.data else settings.data
    return replace(settings, data=data, city=CITY if settings.city == plain.city else settings.city)


def prepare_folder(folder: Path, fresh: bool) -> None:
    """Make the demo's folder, or empty it when `fresh`; Conflict when it holds anything but a demo."""
    note = folder / _NOTE
    if folder.exists() and any(folder.iterdir()) and not note.is_file():
        raise Conflict(f"{folder} holds data that are no demo; choose another folder with --data.")
    if fresh and folder.exists():
        _refuse_running(folder)
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text("A demo of dothi: simulated data only. `dothi demo --fresh` throws this folder away.\n", "utf-8")


def _refuse_running(folder: Path) -> None:
    """Conflict when a demo runs in the folder now: what it uses is not thrown away."""
    running = folder / "hub" / "lock"
    holder = running.read_text("utf-8").strip() if running.is_file() else ""
    if holder.isdecimal() and _lives(int(holder)):
        raise Conflict(f"The demo in {folder} is running as process {holder}: stop it first.")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return process != os.getpid()


@dataclass
class Progress:
    """Says what is being done and how long it took."""

    began: float

    def tell(self, vi: str, en: str) -> None:
        """One line in both languages, with the seconds so far."""
        print(f"[{time.monotonic() - self.began:4.1f} s] {vi} | {en}", flush=True)


async def open_demo(settings: Settings) -> Parts:
    """The city of the demo, opened; anybody reads its public types."""
    opened = await open_city(replace(settings, unit=PROVINCE), settings.city, demo=True)
    return replace(opened, province=PROVINCE)


async def _serve(settings: Settings) -> None:
    progress = Progress(time.monotonic())
    parts = await open_demo(settings)
    if not is_filled(parts) and parts.hub.last_seq():  # A first start was broken off: begin anew.
        await close_city(parts)
        prepare_folder(settings.data, fresh=True)
        parts = await open_demo(settings)
    try:
        cast = await fill(parts, tell=progress.tell)
        front = server(make_app(parts, settings, {"demo": lambda: live(parts)}), settings.host, settings.port)
        telling = asyncio.create_task(_tell_when_up(front, settings, cast, progress))
        try:
            await front.serve()
        finally:
            telling.cancel()
    finally:
        await close_city(parts)


async def _tell_when_up(front: uvicorn.Server, settings: Settings, cast: Cast, progress: Progress) -> None:
    while not front.started:
        await asyncio.sleep(0.02)
    port = front.servers[0].sockets[0].getsockname()[1]
    said = settings if settings.port else replace(settings, port=port)
    progress.tell("Thành phố mẫu đã chạy.", "The sample city runs.")
    print(f"\n  {said.address}\n\n{welcome(cast)}", flush=True)


def welcome(cast: Cast) -> str:
    """The sample users with roles and passwords, in both languages."""
    lines = [
        "Mọi tín hiệu, phản ánh và con người ở đây đều là dữ liệu mô phỏng.",
        "Every signal, report and person here is simulated.",
        "",
        "Tài khoản mẫu | Sample users:",
        *(f"  {one.login:<12} {one.password:<32} {_ROLES[one.role]}" for one in cast.samples),
        "",
        "Dừng bằng Ctrl+C | Stop with Ctrl+C",
    ]
    return "\n".join(lines)
