"""Every key of a store's, by name: computed by the second decoder (tests/decoder) from the customer's KMS, the key ring and the files'
headers, so that Keyhold's own code has no part in what is searched for.
"""
import hmac
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "decoder"))

import append_mode  # noqa: E402
import keyring  # noqa: E402
import local_kms  # noqa: E402
import primitives  # noqa: E402

OF_A_KEK = ("keyring mac", "anchor mac", "audit mac", "check value")
OF_A_DEK = ("config mac", "check value")


class Derivations:
    """Keeps what HKDF-SHA-256 gives while the decoder is at work: each key, and the pseudo-random key (RFC 5869) before it."""

    def __init__(self):
        self.keys = {}

    def add(self, name, key):
        self.keys.setdefault(key, name)

    def hkdf(self, key, salt, info):
        derived = primitives.hkdf(key, salt, info)
        label = info.decode("latin-1")[len("keyhold/1 ") :]
        name = next((word for word in ("file key",) if label.startswith(word)), label)
        self.add(f"{name} of {self.keys.get(key, 'a key')}", derived)
        self.add(f"extract for {name} of {self.keys.get(key, 'a key')}", hmac.digest(salt or bytes(32), key, "sha256"))
        return derived

    def __enter__(self):
        for module in (append_mode, keyring, local_kms):
            module.hkdf = self.hkdf
        return self

    def __exit__(self, *_):
        for module in (append_mode, keyring, local_kms):
            module.hkdf = primitives.hkdf


def add_ring(found, store, kms):
    ring = keyring.best_of([(store / ".keyhold" / name).read_bytes() for name in ("keyring.a", "keyring.b")])
    lockbox = ring.lockboxes[0]
    name = lockbox.uri.rsplit("/", 1)[1]
    for version, material in local_kms.parse_key_file((kms / "keys" / name).read_bytes())[2].items():
        found.add(f"CMEK {version}", material)
    kek = local_kms.unwrap(kms, lockbox.uri, lockbox.wrapped, keyring.lockbox_context(ring, lockbox))
    found.add(f"KEK {ring.kek_version}", kek)
    for label in OF_A_KEK:
        found.hkdf(kek, b"" if label == "check value" else ring.store_id, b"keyhold/1 " + label.encode())
    deks = keyring.unlock(ring, kek)
    for generation, dek in deks.items():
        found.add(f"DEK {generation}", dek)
        for label in OF_A_DEK:
            found.hkdf(dek, b"" if label == "check value" else ring.store_id, b"keyhold/1 " + label.encode())
    return append_mode.Keys(ring.store_id, deks)


def add_file(found, raw, keys):
    """What its header gives, and what can be read of it, however unfinished it is."""
    if len(raw) < append_mode.HEADER or raw[:8] != b"\x89KEYHOLD":
        return
    for at in (0, append_mode.SLOT):
        slot = append_mode.parse_slot(raw[at : at + append_mode.SLOT])
        append_mode.authenticate(slot, raw[at : at + append_mode.SLOT], keys)
        labels = (b"table chunks",) if slot.mode == append_mode.TABLE else (b"log marker",)
        for label in labels:
            found.hkdf(slot.secret, b"", b"keyhold/1 " + label)
    try:
        append_mode.decode(raw, keys)
    except primitives.Damaged:
        pass  # a table without its end


def keys_of(store, kms):
    """{key: name} of all that is on the disk now."""
    with Derivations() as found:
        keys = add_ring(found, store, kms)
        for path in sorted(store.rglob("*")):
            if path.is_file() and ".keyhold" not in path.relative_to(store).parts:
                add_file(found, path.read_bytes(), keys)
    return found.keys
