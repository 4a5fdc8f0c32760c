#!/usr/bin/env python3
"""I1 for real processes: a database that is a store's host, and a `keyhold` that got a key from it, are looked at from outside.

The keys are computed by the second decoder (tests/decoder) from the customer's KMS and the key ring. None of them may stand in an
argument list or an environment, nor in any memory of the host's that a core file would hold: every mapping that the kernel does not
show as left out (`dd` in smaps). That they are found in those that are left out shows that the search finds what is there.
"""
import argparse
import base64
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "decoder"))
KEYS_TO_WRITE = 4000


def use_environment_with_cryptography(python):
    """Goes on in the interpreter that scripts/test has prepared, where this one lacks the package."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        if os.path.exists(python) and "KEYHOLD_TEST_DECODER_STARTED" not in os.environ:
            os.execve(python, [python, *sys.argv], {**os.environ, "KEYHOLD_TEST_DECODER_STARTED": "1"})


def secrets_of(store, kms):
    """KEK and DEKs by name."""
    import keyring
    import local_kms

    ring = keyring.best_of([(store / ".keyhold" / name).read_bytes() for name in ("keyring.a", "keyring.b")])
    lockbox = ring.lockboxes[0]
    kek = local_kms.unwrap(kms, lockbox.uri, lockbox.wrapped, keyring.lockbox_context(ring, lockbox))
    return {"KEK": kek, **{f"DEK {number}": dek for number, dek in keyring.unlock(ring, kek).items()}}


def forms_of(key):
    """Halves too: a key need not stand in one piece."""
    for half in (key[:16], key[16:]):
        yield half
        yield half.hex().encode()
        yield half.hex().upper().encode()
    yield base64.b64encode(key)[:40]


def named_in(content, secrets):
    return sorted({name for name, key in secrets.items() for form in forms_of(key) if form in content})


def mappings_of(pid):
    """(from, to, line, whether a core file leaves it out) of every mapping that can be read and written."""
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as smaps:
        current = None
        for line in smaps:
            words = line.split()
            if "-" in words[0] and not words[0].endswith(":"):
                start, end = (int(part, 16) for part in words[0].split("-"))
                current = (start, end, line.strip()) if words[1].startswith("rw") else None
            elif words[0] == "VmFlags:" and current:
                yield (*current, "dd" in words)


def memory_of(pid, start, end):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(start)
        content = b""
        while len(content) < end - start:
            content += memory.read(end - start - len(content))
        return content


def expect(holds, what):
    if not holds:
        sys.exit(f"FAILED: {what}")


def expect_nothing_shown(pid, secrets):
    for name in ("cmdline", "environ"):
        try:
            content = pathlib.Path(f"/proc/{pid}/{name}").read_bytes()
        except PermissionError:
            continue  # nobody but root sees the environment of a process that is not dumpable
        expect(content or name == "environ", f"/proc/{pid}/{name} is empty")
        expect(not named_in(content, secrets), f"{named_in(content, secrets)} in {name} of {pid}")


def expect_in_no_core_file(pid, secrets):
    hidden = set()
    searched = 0
    for start, end, line, left_out in mappings_of(pid):
        content = memory_of(pid, start, end)
        found = named_in(content, secrets)
        if left_out:
            hidden.update(found)
        else:
            searched += len(content)
            expect(not found, f"{found} in memory that a core file holds: {line}")
    expect(hidden == set(secrets), f"the search found only {sorted(hidden)} where all keys of the host should be")
    return searched


def run(options, scratch):
    kms, store = scratch / "kms", scratch / "store"

    def keyhold(*words):
        subprocess.run([options.keyhold, *map(str, words)], check=True, stdout=subprocess.DEVNULL)

    keyhold("kms", "init", kms)
    keyhold("kms", "key", "create", kms, "cmek")
    keyhold("store", "init", store, "--kms-type", "LOCAL", "--kms-uri", f"local://{kms}/cmek")
    host = subprocess.Popen([options.writer, "write", store / "db", store, "0", "0"], stdout=subprocess.PIPE)
    client = None
    try:
        for _ in range(KEYS_TO_WRITE // 20):  # acknowledged in batches, 8 bytes each
            expect(len(host.stdout.read(8)) == 8, "the writer ended by itself")
        keyhold("store", "rotate", store)
        keyhold("store", "rotate", store, "--kek")
        # One that has its key and stands still: nobody reads on, and there is more than a pipe takes.
        table = max((store / "db").glob("*.sst"), key=lambda path: path.stat().st_size)
        client = subprocess.Popen([options.keyhold, "store", "cat", table], stdout=subprocess.PIPE)
        expect(client.stdout.read(1), "keyhold store cat printed nothing")
        secrets = secrets_of(store, kms)
        expect(len(secrets) == 3, f"{sorted(secrets)} are not a KEK and two generations")
        for pid in (host.pid, client.pid):
            expect_nothing_shown(pid, secrets)
        searched = expect_in_no_core_file(host.pid, secrets)
        print(f"{', '.join(sorted(secrets))}: in no argument, no environment, and none of {searched} bytes for a core file")
    finally:
        for process in (host, client):
            if process:
                process.kill()
                process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writer", required=True)
    parser.add_argument("--keyhold", required=True)
    parser.add_argument("--python", default="")
    options = parser.parse_args()
    use_environment_with_cryptography(options.python)
    with tempfile.TemporaryDirectory(prefix="keyhold-show.") as scratch:
        run(options, pathlib.Path(scratch).resolve())


if __name__ == "__main__":
    main()
