"""Checkpoints are signed notes as others read them."""

import base64
import hashlib
import random

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from dothi.ground.errors import Invalid
from dothi.hub.store.proof import note

# The example of the signed-note specification (C2SP signed-note.md, also golang.org/x/mod/sumdb/note).
PEER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SAID = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_a_signature_of_others_is_read() -> None:
    """The specification's example: its key parses, prints the same, and its signature holds over its text."""
    verifier = note.verifier_of(PEER)
    assert str(verifier) == PEER
    with pytest.raises(Invalid, match="no checkpoint"):  # It is signed, but says no size and root.
        note.opened(SAID, verifier)
    with pytest.raises(Invalid, match="not signed by"):
        note.opened(SAID.replace("think", "thinx"), verifier)


def test_a_checkpoint_goes_round_and_any_changed_character_is_found() -> None:
    """What was signed is read again; a note with one character changed is never believed to say something else."""
    signer = note.make_signer("dothi-test/log")
    said = note.checkpoint("dothi-test/log", 1234, hashlib.sha256(b"x").digest(), 1_763_843_280_000_000)
    text = note.signed(said, signer)
    assert text.splitlines()[:3] == ["dothi-test/log", "1234", base64.b64encode(said.root).decode()]
    assert note.opened(text, signer.public) == note.read(text) == said
    with pytest.raises(Invalid, match="not signed"):
        note.opened(text, note.make_signer("dothi-test/log").public)
    chance = random.Random(3)
    for _ in range(300):
        at = chance.randrange(len(text) - 1)
        changed = text[:at] + chr((ord(text[at]) + chance.randrange(1, 60)) % 128) + text[at + 1 :]
        if changed != text:
            try:
                assert note.opened(changed, signer.public) == said
            except Invalid:
                continue


def test_the_signature_is_plain_ed25519_over_the_text() -> None:
    """Anybody checks it with the public key and nothing of dothi."""
    signer = note.make_signer("log")
    text = note.signed(note.Checkpoint("log", 5, bytes(32)), signer)
    said, _, line = text.partition("\n\n")
    raw = base64.b64decode(str(signer.public).split("+", 2)[2])[1:]
    signature = base64.b64decode(line.split()[2])
    Ed25519PublicKey.from_public_bytes(raw).verify(signature[4:], (said + "\n").encode())
    assert signature[:4] == hashlib.sha256(b"log\n\x01" + raw).digest()[:4]


def test_a_key_file_that_was_changed_is_refused() -> None:
    """The private key goes round through its text; a changed one, a public one and nonsense are refused."""
    signer = note.make_signer("log")
    text = note.private_text(signer)
    assert note.signer_of(text).public == signer.public
    for wrong in (text[:-3] + "AA=", str(signer.public), "nonsense", text.replace("KEY+log", "KEY+lug")):
        with pytest.raises(Invalid):
            note.signer_of(wrong)
    with pytest.raises(Invalid, match="changed"):
        note.verifier_of(str(signer.public).replace("log+", "lag+"))
    with pytest.raises(Invalid, match="blank"):
        note.make_signer("a name")
