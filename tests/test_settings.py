"""Settings are read once, and a wrong one is named."""

from pathlib import Path

import pytest

from dothi import settings
from dothi.ground.errors import Invalid


def test_defaults() -> None:
    """An empty environment gives a closed hub on the loopback."""
    got = settings.read({})
    assert got == settings.Settings()
    assert got.address == "http://127.0.0.1:8000"
    assert not got.open
    assert not got.cookies_secure


def test_an_argument_wins_over_the_environment() -> None:
    """What is typed wins; what is not typed (None) leaves the environment's value."""
    environment = {"DOTHI_PORT": "9000", "DOTHI_DATA": "city", "DOTHI_CONTEXT_HOSTS": "a.example, B.example"}
    got = settings.read(environment, port=9001, data=None, open=True)
    assert (got.port, got.data, got.open) == (9001, Path("city"), True)
    assert got.context_hosts == {"a.example", "b.example"}


def test_cookies_follow_the_address() -> None:
    """Behind https cookies are secure unless the operator says otherwise."""
    assert settings.read({"DOTHI_PUBLIC_URL": "https://dothi.example.vn/"}).cookies_secure
    assert settings.read({"DOTHI_PUBLIC_URL": "https://dothi.example.vn/"}).address == "https://dothi.example.vn"
    assert not settings.read({"DOTHI_PUBLIC_URL": "https://x.vn", "DOTHI_SECURE_COOKIES": "no"}).cookies_secure


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "http"),
        ("port", 70000),
        ("max_body", "0"),
        ("max_depth", 10**6),
        ("open", "maybe"),
        ("timezone", "Asia/Atlantis"),
        ("timezone", "../etc"),
        ("locale", "fr"),
        ("public_url", "dothi.vn"),
        ("colour", "blue"),
        ("mail_server", "mail.example.vn"),
        ("mail_security", "ssl"),
        ("phone_url", "sms.example.vn"),
        ("warning_broker", "mqtt.example.vn"),
        ("warning_topic", "hue/#"),
        ("warning_topic", "hue/drill"),
        ("warning_url", "loa.example.vn"),
        ("drill_mail", "truc.ban"),
        ("drill_topic", "perhaps"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: object) -> None:
    """A value that cannot be used is Invalid, and the error names the setting."""
    with pytest.raises(Invalid, match=name):
        settings.read({}, **{name: value})


def test_open_is_for_loopback_only() -> None:
    """A hub that anyone may write to never listens to the network."""
    for host in ("127.0.0.1", "localhost", "::1"):
        assert settings.read({}, host=host, open=True).open
    for host in ("0.0.0.0", "10.0.0.1", "dothi.vn"):
        with pytest.raises(Invalid, match="loopback"):
            settings.read({}, host=host, open=True)


def test_channels_are_set_whole() -> None:
    """A mail server needs the city's address, a gateway its secret, mail in a desk; secrets are not shown."""
    half = ({"mail_server": "mail.vn:587"}, {"phone_url": "https://sms.vn"}, {"mail_in_port": 2525})
    for given, lacks in zip(half, ("mail_from", "phone_secret", "unit"), strict=True):
        with pytest.raises(Invalid, match=lacks):
            settings.read({}, **given)
    got = settings.read({}, mail_server="mail.vn:587", mail_from="a@mail.vn", mail_password="quiet")
    assert "quiet" not in repr(got)


def test_channels_of_warnings_are_set_whole() -> None:
    """Requests need a secret, drills their own address, topic and letters what carries them; secrets are not shown."""
    secret = "s" * settings.SECRET_MIN
    half: tuple[tuple[dict[str, object], str], ...] = (
        ({"warning_url": "https://loa.vn"}, "warning_secret"),
        ({"warning_url": "https://loa.vn", "warning_secret": "short"}, "warning_secret"),
        ({"drill_url": "https://loa.vn"}, "warning_secret"),
        (
            {"warning_url": "https://loa.vn/", "drill_url": "https://loa.vn", "warning_secret": secret},
            "reach the public",
        ),
        ({"drill_topic": "yes"}, "warning_broker"),
        ({"drill_mail": "a@hue.vn"}, "mail_server"),
    )
    for given, lacks in half:
        with pytest.raises(Invalid, match=lacks):
            settings.read({}, **given)
    mail = {"mail_server": "mail.vn:587", "mail_from": "a@hue.vn"}
    got = settings.read({}, warning_secret=secret, drill_mail="a@hue.vn, b@hue.vn", warning_topic="/hue/", **mail)
    assert (got.drill_mail, got.warning_topic) == (("a@hue.vn", "b@hue.vn"), "hue")
    assert secret not in repr(got)
