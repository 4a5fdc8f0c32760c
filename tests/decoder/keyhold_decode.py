#!/usr/bin/env python3
"""Decodes a Keyhold store with the customer's LOCAL KMS at hand, or single files with their DEKs.

Written from docs/formats/ alone, as a second implementation: it shares no code with Keyhold.
"""

import argparse
import json
import os
import pathlib
import sys

import append_mode
import keyring
import local_kms
from primitives import Damaged, NotHere

PRIVATE_FOLDERS = {".keyhold", "fs"}
TEMPORARY = ".keyhold-tmp-"
LOCAL = 6


def read_or_nothing(path):
    return path.read_bytes() if path.exists() else None


def open_store(store, kms):
    """The keys of a store whose lockbox is a key of the LOCAL KMS in `kms`."""
    folder = store / ".keyhold"
    ring = keyring.best_of([read_or_nothing(folder / "keyring.a"), read_or_nothing(folder / "keyring.b")])
    problem = NotHere("no lockbox is of a LOCAL KMS")
    for lockbox in ring.lockboxes:
        if lockbox.key_type != LOCAL:
            continue
        try:
            kek = local_kms.unwrap(kms, lockbox.uri, lockbox.wrapped, keyring.lockbox_context(ring, lockbox))
            return append_mode.Keys(ring.store_id, keyring.unlock(ring, kek))
        except (NotHere, FileNotFoundError) as error:
            problem = error
    raise problem


def files_of(store):
    for folder, folders, names in os.walk(store):
        if pathlib.Path(folder) == store:
            folders[:] = [name for name in folders if name not in PRIVATE_FOLDERS]
        folders.sort()
        for name in sorted(names):
            path = pathlib.Path(folder) / name
            is_lock = name == "LOCK" and path.stat().st_size == 0
            if not is_lock and not name.startswith(TEMPORARY):
                yield path


def read_keys(path):
    """{"store_id": hex, "deks": {"1": hex, …}}"""
    given = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    return append_mode.Keys(bytes.fromhex(given["store_id"]),
                            {int(number): bytes.fromhex(key) for number, key in given["deks"].items()})


def report(name, path, keys):
    try:
        return True, {"name": name, **append_mode.verify(path.read_bytes(), keys).facts()}
    except (Damaged, NotHere) as error:
        return False, {"name": name, "problem": str(error)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    store = commands.add_parser("store", help="list every file of a store, one JSON object a line")
    store.add_argument("--kms", required=True, type=pathlib.Path, help="the directory of the LOCAL KMS")
    store.add_argument("store", type=pathlib.Path)
    cat = commands.add_parser("cat", help="print the content of one file")
    cat.add_argument("--keys", required=True, help='a file with {"store_id": hex, "deks": {"1": hex}}')
    cat.add_argument("file", type=pathlib.Path)
    options = parser.parse_args()
    try:
        if options.command == "cat":
            sys.stdout.buffer.write(append_mode.verify(options.file.read_bytes(), read_keys(options.keys)).content)
            return 0
        keys = open_store(options.store, options.kms)
    except (Damaged, NotHere) as error:
        print(f"keyhold_decode: {error}", file=sys.stderr)
        return 5
    whole = True
    for path in files_of(options.store):
        good, line = report(str(path.relative_to(options.store)), path, keys)
        whole = whole and good
        print(json.dumps(line))
    return 0 if whole else 5


if __name__ == "__main__":
    sys.exit(main())
