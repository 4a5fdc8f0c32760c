"""Decodes encrypted files of append mode: docs/formats/append-mode.md, and nothing else."""

import dataclasses
import hashlib
import hmac
import struct

from primitives import Damaged, NotHere, aes_block, gcm_open, hkdf

HEADER = 4096
SLOT = 512
CHUNK = 4096
PAYLOAD = 4080
FINAL_OVERHEAD = 48
ALIGNMENT = 32
FRAME_HEADER = 40
MAX_FRAME_PAYLOAD = 8136
TABLE, LOG, PAGE = 1, 2, 3
DATA, SESSION = 1, 2
MAX_SWITCHES = 4


class Newer(Damaged):
    """Not damage, as far as one can tell: made by a newer Keyhold."""


@dataclasses.dataclass(frozen=True)
class Keys:
    """What a decoder is given: the store's id, and its DEKs by generation."""

    store_id: bytes
    deks: dict


@dataclasses.dataclass
class Slot:
    mode: int
    store_id: bytes
    file_id: bytes
    generation: int
    sequence: int
    salt: bytes
    closed: bool
    frames: int
    logical_bytes: int
    synced_frames: int
    switches: list
    secret: bytes = b""


def parse_slot(raw):
    if raw[:8] != b"\x89KEYHOLD":
        raise Damaged("header", "magic")
    version, suite, mode, flags = struct.unpack_from("<HBBI", raw, 8)
    if version == 0:
        raise Damaged("header", "version 0")
    if version > 1 or suite != 1 or mode not in (TABLE, LOG, PAGE) or flags & ~1:
        raise Newer("header", "a newer version, suite, mode or flag")
    generation, reserved, sequence = struct.unpack_from("<IIQ", raw, 48)
    frames, logical_bytes, synced_frames, count = struct.unpack_from("<QQQQ", raw, 96)
    if reserved or count > MAX_SWITCHES or any(raw[128 + 40 * count : 480]):
        raise Damaged("header", "reserved bytes")
    closed = bool(flags & 1)
    if not closed and (frames or logical_bytes or synced_frames):
        raise Damaged("header", "a closing record in an open file")
    switches = [(*struct.unpack_from("<Q", raw, 128 + 40 * i), raw[136 + 40 * i : 168 + 40 * i]) for i in range(count)]
    if any(a[0] > b[0] for a, b in zip(switches, switches[1:])):
        raise Damaged("header", "switches out of order")
    slot = Slot(mode, raw[16:32], raw[32:48], generation, sequence, raw[64:96], closed, frames, logical_bytes,
                synced_frames, switches)
    return slot


def authenticate(slot, raw, keys):
    if slot.store_id != keys.store_id:
        raise Damaged("header", "of another store")
    if slot.generation not in keys.deks:
        raise NotHere(f"DEK generation {slot.generation} is not in the key ring")
    context = struct.pack("<BBHI", 1, slot.mode, 0, slot.generation) + slot.store_id + slot.file_id
    slot.secret = hkdf(keys.deks[slot.generation], slot.salt, b"keyhold/1 file key" + context)
    mac_key = hkdf(slot.secret, b"", b"keyhold/1 header mac")
    if not hmac.compare_digest(hmac.digest(mac_key, raw[:480], "sha256"), raw[480:]):
        raise Damaged("header", "MAC")


def parse_header(raw, keys):
    """The slot in force."""
    if len(raw) < HEADER:
        raise Damaged("header", "too short")
    halves = raw[:SLOT], raw[SLOT : 2 * SLOT]
    a, b = (parse_slot(half) for half in halves)
    if (a.mode, a.store_id, a.file_id) != (b.mode, b.store_id, b.file_id) or abs(a.sequence - b.sequence) != 1:
        raise Damaged("header", "the slots do not belong together")
    if any(raw[2 * SLOT : HEADER]):
        raise Damaged("header", "bytes behind the slots")
    for slot, half in zip((a, b), halves):
        authenticate(slot, half, keys)
    return a if a.sequence > b.sequence else b


def nonce(counter):
    return struct.pack("<QI", counter, 0)


# ---- Tables.


def table_geometry(size):
    """(full chunks, payload of the final chunk); nothing where no closed table has this size."""
    body = size - HEADER
    if body < FINAL_OVERHEAD:
        return None
    chunks, rest = divmod(body, CHUNK)
    if rest < FINAL_OVERHEAD:
        chunks, rest = chunks - 1, rest + CHUNK
    if chunks < 0 or rest - FINAL_OVERHEAD >= PAYLOAD:
        return None
    return chunks, rest - FINAL_OVERHEAD


def decode_table(raw, slot):
    geometry = table_geometry(len(raw))
    if geometry is None:
        raise Damaged("end", "no closed table has this size")
    chunks, rest = geometry
    keys = [hkdf(slot.secret, b"", b"keyhold/1 table chunks")]
    keys += [hkdf(slot.secret, salt, b"keyhold/1 table chunks") for _, salt in slot.switches]
    final = raw[HEADER + chunks * CHUNK :]
    tail_key = hkdf(slot.secret, final[:32], b"keyhold/1 table tail")
    tail = gcm_open(tail_key, nonce(0), final[32:], struct.pack("<Q", chunks))
    if tail is None:
        raise Damaged("end", "final chunk")
    plain = []
    for i in range(chunks):
        key = keys[sum(1 for first, _ in slot.switches if i >= first)]
        chunk = gcm_open(key, nonce(i), raw[HEADER + i * CHUNK : HEADER + (i + 1) * CHUNK], b"")
        if chunk is None:
            raise Damaged(f"chunk {i}", "tag")
        plain.append(chunk)
    return b"".join(plain) + tail


# ---- Logs.


class Log:
    def __init__(self, raw, slot):
        self.raw = raw
        self.slot = slot
        self.marker_key = hkdf(slot.secret, b"", b"keyhold/1 log marker")
        self.session_key = None
        self.sessions = 0
        self.number = 0
        self.offset = HEADER

    def marker(self, offset, synced):
        return aes_block(self.marker_key, struct.pack("<QQ", offset, synced))

    def frame(self):
        """The payload of the frame that stands at the position, its kind and size; else nothing."""
        head = self.raw[self.offset : self.offset + FRAME_HEADER]
        if len(head) < FRAME_HEADER:
            return None
        number, synced, length, kind = struct.unpack_from("<QQII", head, 16)
        if kind not in (DATA, SESSION) or length > MAX_FRAME_PAYLOAD or synced > number:
            return None
        if kind == SESSION and length != 32:
            return None
        used = FRAME_HEADER + length + 16
        size = -(-used // ALIGNMENT) * ALIGNMENT
        frame = self.raw[self.offset : self.offset + size]
        if len(frame) < size or any(frame[used:]) or head[:16] != self.marker(self.offset, synced):
            return None
        payload = self.open(number, kind, head, frame[FRAME_HEADER:used])
        if payload is None or number != self.number:
            return None
        return kind, payload, size

    def open(self, number, kind, head, sealed):
        if kind == SESSION:
            key = hkdf(self.slot.secret, sealed[:32], b"keyhold/1 log session")
            if gcm_open(key, nonce(number), sealed[32:], head + sealed[:32]) is None:
                return None
            return key
        if self.session_key is None:
            return None
        return gcm_open(self.session_key, nonce(number), sealed, head)

    def is_damage(self):
        """No frame stands at the position. Was there one on stable storage?"""
        if self.slot.closed and self.slot.synced_frames > self.number:
            return True
        for offset in range(self.offset + ALIGNMENT, len(self.raw) - ALIGNMENT + 1, ALIGNMENT):
            (synced,) = struct.unpack_from("<Q", self.raw, offset + 24)
            # The cheap half of the rule first: most offsets name nothing.
            if synced > self.number and self.raw[offset : offset + 16] == self.marker(offset, synced):
                return True
        return False

    def decode(self):
        """All payload up to the log's end; damage carries what stands before it."""
        plain = []
        while not (self.slot.closed and self.number == self.slot.frames):
            found = self.frame()
            if found is None:
                if self.is_damage():
                    raise Damaged(f"frame {self.number} at offset {self.offset}", "it was synced", b"".join(plain))
                break
            kind, payload, size = found
            if kind == SESSION:
                self.session_key = payload
                self.sessions += 1
            else:
                plain.append(payload)
            self.offset += size
            self.number += 1
        return b"".join(plain)


# ---- Files.


@dataclasses.dataclass
class File:
    layout: str
    file_id: str
    generation: int
    sequence: int
    closed: bool
    whole: bool  # a closed file has all that it was closed with
    content: bytes
    sessions: int = 0
    switches: int = 0

    def facts(self):
        return {
            "layout": self.layout,
            "file_id": self.file_id,
            "generation": self.generation,
            "sequence": self.sequence,
            "closed": self.closed,
            "size": len(self.content),
            "sha256": hashlib.sha256(self.content).hexdigest(),
            "sessions": self.sessions,
            "switches": self.switches,
        }


def decode(raw, keys):
    slot = parse_header(raw[:HEADER], keys)
    if slot.mode == PAGE:
        raise Newer("header", "a page-mode file; this decoder reads append mode")
    file = File("table" if slot.mode == TABLE else "log", slot.file_id.hex(), slot.generation, slot.sequence,
                True, True, b"", switches=len(slot.switches))
    if slot.mode == TABLE:
        file.content = decode_table(raw, slot)
        return file
    log = Log(raw, slot)
    file.content = log.decode()
    file.closed = slot.closed
    file.sessions = log.sessions
    file.whole = not slot.closed or log.number == slot.frames
    return file


def verify(raw, keys):
    """As decode; a closed log that lacks frames is damage too, synced or not."""
    file = decode(raw, keys)
    if not file.whole:
        raise Damaged("end", "fewer frames than it was closed with", file.content)
    return file
