"""Unwraps with a LOCAL KMS: docs/formats/local-kms.md, and nothing else."""

import hashlib
import struct

from primitives import Damaged, NotHere, gcm_open, hkdf

STATES = {1: "enabled", 2: "disabled", 3: "pending deletion", 4: "destroyed"}


def parse_key_file(raw):
    """(state, key id, material by version)."""
    if len(raw) < 96 or raw[:8] != b"KHLOCKEY" or hashlib.sha256(raw[:-32]).digest() != raw[-32:]:
        raise Damaged("key file", "magic or checksum")
    version, state = struct.unpack_from("<IB", raw, 8)
    if version != 1:
        raise NotHere(f"key file format {version} is newer than this decoder")
    (count,) = struct.unpack_from("<I", raw, 52)
    if len(raw) != 96 + 48 * count or state not in STATES or any(raw[13:16]) or any(raw[56:64]):
        raise Damaged("key file", "size, state or reserved bytes")
    material = {}
    for i in range(count):
        number, zero = struct.unpack_from("<II", raw, 64 + 48 * i)
        if zero or number in material:
            raise Damaged("key file", "versions")
        material[number] = raw[80 + 48 * i : 112 + 48 * i]
    return STATES[state], raw[16:32], material


def unwrap(directory, uri, ciphertext, context):
    """`directory`: where the KMS lies now, whatever the URI says; its last part names the key."""
    if (directory / "keyhold-kms").read_bytes() != b"KHLOCKMS\x01\0\0\0":
        raise Damaged("KMS", "marker")
    state, key_id, material = parse_key_file((directory / "keys" / uri.rsplit("/", 1)[1]).read_bytes())
    if state != "enabled":
        raise NotHere(f"the key is {state}")
    if len(ciphertext) != 108 or ciphertext[:4] != b"KHLC" or ciphertext[8:24] != key_id:
        raise Damaged("lockbox", "not of this key")
    version, key_version = struct.unpack_from("<I", ciphertext, 4)[0], struct.unpack_from("<I", ciphertext, 24)[0]
    if version != 1 or key_version not in material:
        raise NotHere(f"the key has no version {key_version}")
    wrapping = hkdf(material[key_version], ciphertext[28:60], b"keyhold/1 wrap")
    key = gcm_open(wrapping, bytes(12), ciphertext[60:], ciphertext[:28] + context)
    if key is None:
        raise Damaged("lockbox", "tag")
    return key
