"""What stands where in the sample city: sources and their sensors, in real communes, at places made up for the demo."""

from dataclasses import dataclass

PROVINCE = "46"  # Thành phố Huế, a city of the level of a province.
COMMUNE = "19789"  # Phường Thuận Hóa, where the sample official works.
MARK = "dữ liệu mô phỏng"


@dataclass(frozen=True, slots=True)
class Sensor:
    """A thing that sends readings. It lies `east` and `north` degrees from the middle of its commune."""

    name: str
    kind: str  # Type of its entity.
    unit: str  # Code of the commune.
    title: str
    level: float = 1.0  # What its readings swing around, in the measure of its kind: see signals.py.
    east: float = 0.0
    north: float = 0.0

    @property
    def id(self) -> str:
        """The URN of its entity."""
        return f"urn:ngsi-ld:{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Feed:
    """A source of data with its promised rhythm and the sensors whose readings it brings."""

    id: str
    title: str
    mapping: str
    sensors: tuple[Sensor, ...]
    promised_every: str = "PT2M"
    falters: bool = False  # It is silent now and then, so that what hangs on it turns grey.

    @property
    def kinds(self) -> tuple[str, ...]:
        """The types of entities that it brings."""
        return tuple(sorted({sensor.kind for sensor in self.sensors}))


def _air(name: str, unit: str, title: str, level: float) -> Sensor:
    return Sensor(name, "AirQualityObserved", unit, f"Trạm không khí {title} (mô phỏng)", level)


def _water(name: str, unit: str, title: str, level: float, east: float = 0.0, north: float = 0.0) -> Sensor:
    return Sensor(name, "WaterObserved", unit, f"Mực nước {title} (mô phỏng)", level, east, north)


def _weather(name: str, unit: str, title: str, level: float) -> Sensor:
    return Sensor(name, "WeatherObserved", unit, f"Thời tiết {title} (mô phỏng)", level, 0.004, 0.003)


def _bin(number: int, unit: str, full_after_hours: float, east: float, north: float) -> Sensor:
    title = f"Thùng rác số {number} (mô phỏng)"
    return Sensor(f"mo-phong-{number:02}", "WasteContainer", unit, title, full_after_hours, east, north)


EPISODE = "phu-bai"  # The air station whose PM2.5 rises above the sample limit now and then.
FLOOD = "phu-oc"  # The water gauge that rises above the sample limit now and then.

FEEDS: tuple[Feed, ...] = (
    Feed(
        "khong-khi-trung-tam",
        f"Trạm không khí trung tâm – {MARK}",
        "air-station",
        (
            _air("thuan-hoa", "19789", "Thuận Hóa", 34),
            _air("phu-xuan", "19753", "Phú Xuân", 31),
            _air("vy-da", "19777", "Vỹ Dạ", 27),
            _air("an-cuu", "19815", "An Cựu", 29),
            _air("kim-long", "19774", "Kim Long", 24),
        ),
    ),
    Feed(
        "khong-khi-ven-do",
        f"Trạm không khí ven đô – {MARK}",
        "air-station",
        (
            _air(EPISODE, "19960", "Phú Bài", 38),
            _air("huong-thuy", "19975", "Hương Thủy", 28),
            _air("huong-tra", "19996", "Hương Trà", 25),
            _air("thuan-an", "19900", "Thuận An", 18),
            _air("phong-dien", "19819", "Phong Điền", 20),
        ),
    ),
    Feed(
        "khong-khi-mien-nui",
        f"Trạm không khí miền núi – {MARK}",
        "air-station",
        (_air("a-luoi", "20056", "A Lưới", 12), _air("khe-tre", "20161", "Khe Tre", 13)),
        falters=True,
    ),
    Feed(
        "muc-nuoc",
        f"Mực nước sông – {MARK}",
        "ngsi-ld",
        (
            _water("song-huong", "19789", "sông Hương, điểm Thuận Hóa", 0.9, -0.006, 0.008),
            _water("bao-vinh", "20014", "sông Hương, điểm Hóa Châu", 0.7),
            _water(FLOOD, "19996", "sông Bồ, điểm Hương Trà", 1.1, 0.05, 0.03),
            _water("nam-dong", "20179", "sông Tả Trạch, điểm Nam Đông", 1.4),
        ),
    ),
    Feed(
        "thoi-tiet",
        f"Trạm thời tiết – {MARK}",
        "ngsi-ld",
        (
            _weather("thoi-tiet-hue", "19789", "Thuận Hóa", 25),
            _weather("thoi-tiet-phu-loc", "20107", "Phú Lộc", 25),
            _weather("thoi-tiet-a-luoi", "20056", "A Lưới", 21),
        ),
    ),
    Feed(
        "thung-rac",
        f"Thùng rác thông minh – {MARK}",
        "ngsi-ld",
        (
            _bin(1, "19789", 9, -0.004, 0.003),
            _bin(2, "19789", 13, 0.003, 0.004),
            _bin(3, "19789", 17, 0.005, -0.003),
            _bin(4, "19753", 11, -0.003, -0.002),
            _bin(5, "19753", 15, 0.004, 0.002),
            _bin(6, "19777", 19, 0.002, -0.003),
            _bin(7, "19815", 12, -0.002, 0.003),
            _bin(8, "19774", 21, 0.003, 0.001),
        ),
        promised_every="PT5M",
    ),
)
SENSORS: tuple[Sensor, ...] = tuple(sensor for feed in FEEDS for sensor in feed.sensors)
