"""The one real series of the sample city: hourly water flow that a registry package carries, shown as what it is."""

from importlib import resources
from pathlib import Path

from dothi.command.trial.demo.devices.sensors import DEVICES
from dothi.sources.model import SourceDefinition
from dothi.sources.service import define_source, import_file
from dothi.web.parts import Parts

SOURCE, MAPPING = "river-flow", "river-flow"
TITLE = "Lưu lượng nước theo giờ, năm 2022 (số liệu thật, gói river, BSD-3-Clause)"


def series_file() -> Path | None:
    """The table that set-up took out of its package; None where there was none for this machine."""
    path = Path(str(resources.files("dothi.command.trial"))) / "data" / "water-flow.csv"
    return path if path.is_file() else None


async def give_series(parts: Parts) -> int:
    """Bring the series in as an operator would; returns how many rows went in. It promises nothing: it is of 2022."""
    path = series_file()
    if path is None:
        return 0
    said = SourceDefinition(SOURCE, TITLE, "files", MAPPING, feeds=("WaterObserved",))
    await define_source(parts.sources, DEVICES, said)
    return (await import_file(parts.sources, DEVICES, path, MAPPING, source_id=SOURCE)).accepted
