"""Units of measure by UN/CEFACT Recommendation 20 code, and how to convert between those of one dimension."""

from typing import NamedTuple


class Unit(NamedTuple):
    """A unit: value in the base unit of its dimension = value x factor + shift."""

    dimension: str
    factor: float
    shift: float = 0.0


UNITS: dict[str, Unit] = {
    "GQ": Unit("mass concentration", 1e-9),  # µg/m³
    "GP": Unit("mass concentration", 1e-6),  # mg/m³
    "A93": Unit("mass concentration", 1e-3),  # g/m³
    "KMQ": Unit("mass concentration", 1.0),  # kg/m³
    "M1": Unit("mass concentration", 1e-3),  # mg/l
    "C62": Unit("ratio", 1.0),
    "P1": Unit("ratio", 0.01),  # %
    "59": Unit("ratio", 1e-6),  # ppm
    "61": Unit("ratio", 1e-9),  # ppb
    "CEL": Unit("temperature", 1.0, 273.15),
    "KEL": Unit("temperature", 1.0),
    "FAH": Unit("temperature", 5 / 9, 459.67 * 5 / 9),
    "PAL": Unit("pressure", 1.0),
    "A97": Unit("pressure", 100.0),  # hPa
    "MBR": Unit("pressure", 100.0),
    "KPA": Unit("pressure", 1000.0),
    "MTS": Unit("speed", 1.0),
    "KMH": Unit("speed", 1 / 3.6),
    "HM": Unit("speed", 0.44704),  # mile/h
    "KNT": Unit("speed", 1852 / 3600),
    "MMT": Unit("length", 0.001),
    "CMT": Unit("length", 0.01),
    "MTR": Unit("length", 1.0),
    "KMT": Unit("length", 1000.0),
    "INH": Unit("length", 0.0254),
    "FOT": Unit("length", 0.3048),
    "MTQ": Unit("volume", 1.0),
    "LTR": Unit("volume", 0.001),
    "MQS": Unit("flow", 1.0),  # m³/s
    "MQH": Unit("flow", 1 / 3600),
    "G51": Unit("flow", 0.001),  # l/s
    "L2": Unit("flow", 0.001 / 60),  # l/min
    "GRM": Unit("mass", 0.001),
    "KGM": Unit("mass", 1.0),
    "TNE": Unit("mass", 1000.0),
    "SEC": Unit("time", 1.0),
    "MIN": Unit("time", 60.0),
    "HUR": Unit("time", 3600.0),
    "DAY": Unit("time", 86400.0),
    "DD": Unit("angle", 1.0),  # degree
    "C81": Unit("angle", 57.29577951308232),  # radian
    "WTT": Unit("power", 1.0),
    "KWT": Unit("power", 1000.0),
    "KWH": Unit("energy", 3.6e6),
    "MWH": Unit("energy", 3.6e9),
    "VLT": Unit("voltage", 1.0),
    "2N": Unit("level", 1.0),  # dB
    "LUX": Unit("illuminance", 1.0),
}


def conversion(given: str, wanted: str) -> tuple[float, float]:
    """(factor, shift) such that a value in `wanted` = value in `given` x factor + shift.

    ValueError says which code is unknown, or that the two measure different things.
    """
    for code in (given, wanted):
        if code not in UNITS:
            raise ValueError(f"unit {code!r} is not known; known are {', '.join(sorted(UNITS))}")
    source, target = UNITS[given], UNITS[wanted]
    if source.dimension != target.dimension:
        raise ValueError(f"{given} is a {source.dimension} and {wanted} a {target.dimension}: no conversion")
    return source.factor / target.factor, (source.shift - target.shift) / target.factor
