"""Decodes a store's key ring: docs/formats/keyring.md, and nothing else."""

import dataclasses
import hashlib
import hmac
import json
import struct

from primitives import Damaged, NotHere, gcm_open, hkdf

ZERO_NONCE = bytes(12)


class Fields:
    """Reads little-endian fields; a field that is not there is damage."""

    def __init__(self, raw, where):
        self.raw, self.at, self.where = raw, 0, where

    def take(self, size):
        if self.at + size > len(self.raw):
            raise Damaged(self.where, "too short")
        self.at += size
        return self.raw[self.at - size : self.at]

    def number(self, code):
        return struct.unpack("<" + code, self.take(struct.calcsize("<" + code)))[0]

    def counted(self):
        return self.take(self.number("H"))

    def text(self):
        return self.counted().decode("utf-8")

    def end(self):
        if self.at != len(self.raw):
            raise Damaged(self.where, "too long")


@dataclasses.dataclass
class Lockbox:
    kek_version: int
    key_type: int
    uri: str
    purpose: int
    wrapped: bytes


@dataclasses.dataclass
class Dek:
    generation: int
    key_id: bytes
    kek_version: int
    wrapped: bytes
    check: bytes


@dataclasses.dataclass
class KeyRing:
    raw: bytes
    digest: bytes
    store_id: bytes = b""
    org: str = ""
    cluster: str = ""
    region: str = ""
    node: str = ""
    sequence: int = 0
    kek_id: bytes = b""
    kek_version: int = 0
    kek_check: bytes = b""
    lockboxes: list = dataclasses.field(default_factory=list)
    deks: list = dataclasses.field(default_factory=list)


def check_value(key):
    return hmac.digest(hkdf(key, b"", b"keyhold/1 check value"), b"", "sha256")[:16]


def read_identity(ring, fields):
    ring.store_id = fields.take(16)
    ring.org, ring.cluster, ring.region, ring.node = (fields.text() for _ in range(4))


def read_kek(ring, fields):
    ring.kek_id, ring.kek_version = fields.take(16), fields.number("I")
    fields.number("Q")
    ring.kek_check = fields.take(16)


def read_lockbox(ring, fields):
    kek_version, key_type = fields.number("I"), fields.number("B")
    uri, _principal, _endpoint, _ca_file = (fields.text() for _ in range(4))
    _kms_version, _algorithm = fields.text(), fields.text()
    purpose = fields.number("B")
    fields.number("Q")
    fields.text()
    ring.lockboxes.append(Lockbox(kek_version, key_type, uri, purpose, fields.counted()))


def read_dek(ring, fields):
    generation, key_id, kek_version = fields.number("I"), fields.take(16), fields.number("I")
    fields.number("Q")
    wrapped, check = fields.take(80), fields.take(16)
    fields.number("Q")
    ring.deks.append(Dek(generation, key_id, kek_version, wrapped, check))


def read_sequence(ring, fields):
    ring.sequence = fields.number("Q")


def read_policy(ring, fields):
    fields.number("Q")
    fields.take(32)


READERS = {
    1: read_identity,
    2: read_sequence,
    3: lambda ring, fields: fields.number("Q"),
    4: lambda ring, fields: fields.number("Q"),
    5: lambda ring, fields: fields.take(16),
    6: lambda ring, fields: fields.number("Q"),
    7: read_policy,
    16: read_kek,
    17: read_lockbox,
    18: read_dek,
    19: lambda ring, fields: fields.take(24),
}


def parse(raw):
    """A whole copy; the MAC is not checked yet."""
    if len(raw) < 80 or raw[:8] != b"KHKEYRNG":
        raise Damaged("key ring", "magic")
    version, length = struct.unpack_from("<II", raw, 8)
    if length != len(raw) or hashlib.sha256(raw[:-32]).digest() != raw[-32:]:
        raise Damaged("key ring", "length or checksum")
    if version != 1:
        raise NotHere(f"key ring format {version} is newer than this decoder")
    ring = KeyRing(raw, raw[-32:])
    body = Fields(raw[16:-64], "key ring")
    last = 0
    while body.at < len(body.raw):
        kind, flags, size = struct.unpack("<HHI", body.take(8))
        value = Fields(body.take(size), f"record {kind}")
        if kind < last:
            raise Damaged("key ring", "records out of order")
        last = kind
        if kind in READERS:
            READERS[kind](ring, value)
            value.end()
        elif flags & 1:
            raise NotHere(f"record {kind} is newer than this decoder")
    return ring


def best_of(copies):
    """Of the two copies (bytes, or nothing where missing), the whole one with the higher sequence."""
    whole, problem = [], Damaged("key ring", "both copies are missing")
    for raw in copies:
        if raw is None:
            continue
        try:
            whole.append(parse(raw))
        except Damaged as error:
            problem = error
    if not whole:
        raise problem
    whole.sort(key=lambda ring: ring.sequence)
    if len(whole) == 2 and whole[0].sequence == whole[1].sequence and whole[0].raw != whole[1].raw:
        raise Damaged("key ring", "two contents of one sequence")
    return whole[-1]


def lockbox_context(ring, lockbox):
    """As canonical JSON (RFC 8785): strings only, names in ASCII."""
    pairs = {
        "cluster": ring.cluster,
        "key_id": ring.kek_id.hex(),
        "org": ring.org,
        "product": "keyhold",
        "purpose": {1: "serve", 2: "restore"}[lockbox.purpose],
        "region": ring.region,
        "version": str(lockbox.kek_version),
    }
    return json.dumps(pairs, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def unlock(ring, kek):
    """The DEKs by generation, everything checked."""
    if check_value(kek) != ring.kek_check:
        raise Damaged("KEK", "not the one that made this key ring")
    mac_key = hkdf(kek, ring.store_id, b"keyhold/1 keyring mac")
    if not hmac.compare_digest(hmac.digest(mac_key, ring.raw[:-64], "sha256"), ring.raw[-64:-32]):
        raise Damaged("key ring", "MAC")
    deks = {}
    label = b"keyhold/1 dek wrap"
    for dek in ring.deks:
        context = struct.pack("<H", len(label)) + label + ring.store_id + dek.key_id
        context += struct.pack("<II", dek.generation, dek.kek_version)
        wrapping = hkdf(kek, dek.wrapped[:32], b"keyhold/1 wrap")
        key = gcm_open(wrapping, ZERO_NONCE, dek.wrapped[32:], context)
        if key is None or check_value(key) != dek.check:
            raise Damaged(f"DEK {dek.generation}", "tag or check value")
        deks[dek.generation] = key
    return deks
