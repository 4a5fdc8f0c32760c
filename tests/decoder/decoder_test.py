#!/usr/bin/env python3
"""Compares Keyhold with the second decoder: files, facts, damage, and whole stores (README.md)."""

import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
OPTIONS = None


def use_environment_with_cryptography(python):
    """Goes on in the interpreter that scripts/test has prepared, where this one lacks the package."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        if os.path.exists(python) and "KEYHOLD_TEST_DECODER_STARTED" not in os.environ:
            os.execve(python, [python, *sys.argv], {**os.environ, "KEYHOLD_TEST_DECODER_STARTED": "1"})


def run_tool(*words):
    return subprocess.run([OPTIONS.tool, *map(str, words)], check=True, stdout=subprocess.PIPE).stdout


class Decoder(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory(prefix="keyhold-decoder-")
        cls.files = pathlib.Path(cls.scratch.name, "files")
        cls.files.mkdir()
        run_tool("write", cls.files)
        cls.keys = keyhold_decode.read_keys(cls.files / "keys.json")
        cls.facts = json.loads((cls.files / "facts.json").read_text())

    @classmethod
    def tearDownClass(cls):
        cls.scratch.cleanup()

    def raw(self, name):
        return (self.files / name).read_bytes()

    def test_every_file_is_decoded_to_what_was_written(self):
        self.assertGreater(len(self.facts), 20)
        for told in self.facts:
            with self.subTest(told["name"]):
                found = append_mode.verify(self.raw(told["name"]), self.keys).facts()
                for fact, value in told.items():
                    if fact != "name":
                        self.assertEqual(found[fact], value, fact)

    def test_files_are_of_every_shape(self):
        """Else the test above proves less than it says."""
        found = {told["name"]: append_mode.decode(self.raw(told["name"]), self.keys) for told in self.facts}
        self.assertEqual(found["table-cloned"].switches, 3)
        self.assertEqual(found["log-cloned"].sessions, 2)
        self.assertEqual(found["log-reopened"].sessions, 3)
        self.assertEqual(found["log-failed-write"].sessions, 2)
        self.assertEqual({file.generation for file in found.values()}, {1, 2, 3, 4})
        self.assertEqual(sum(not file.closed for file in found.values()), 4)

    def test_a_file_needs_its_generation(self):
        without = append_mode.Keys(self.keys.store_id, {1: self.keys.deks[1]})
        with self.assertRaises(primitives.NotHere):
            append_mode.decode(self.raw("table-pieces"), without)

    def test_a_file_of_another_store_is_damage(self):
        other = append_mode.Keys(bytes(16), self.keys.deks)
        with self.assertRaises(primitives.Damaged):
            append_mode.decode(self.raw("table-1"), other)

    def test_flipped_bits_are_reported(self):
        """One bit of every byte of a table and a log, both closed and synced."""
        generator = random.Random(1)
        for name in ("table-4100", "log-three"):
            whole = self.raw(name)
            append_mode.verify(whole, self.keys)
            for at in range(len(whole)):
                changed = bytearray(whole)
                changed[at] ^= 1 << generator.randrange(8)
                with self.assertRaises((primitives.Damaged, primitives.NotHere), msg=f"{name}: byte {at}"):
                    append_mode.verify(bytes(changed), self.keys)

    def test_both_decoders_judge_damaged_files_alike(self):
        seed = OPTIONS.seed
        generator = random.Random(seed)
        mutants = pathlib.Path(self.scratch.name, "mutants")
        mutants.mkdir()
        sources = [self.raw(told["name"]) for told in self.facts if told["size"] < 20_000]
        for i in range(OPTIONS.mutants):
            (mutants / f"{i:05}").write_bytes(mutate(generator, generator.choice(sources), sources))
        damaged = 0
        for line in run_tool("judge", mutants).splitlines():
            told = json.loads(line)
            verdict, content, layout = self.judge((mutants / told["name"]).read_bytes())
            where = f"seed {seed}, mutant {told['name']}: {told}"
            self.assertEqual(verdict, told["verdict"], where)
            damaged += verdict != "ok"
            if verdict == "ok" or layout == "log":
                self.assertEqual(append_mode.hashlib.sha256(content).hexdigest(), told["sha256"], where)
        self.assertGreater(damaged, OPTIONS.mutants // 4)
        self.assertLess(damaged, OPTIONS.mutants)

    def judge(self, raw):
        """(verdict in Keyhold's words, content up to there, layout)"""
        layout = "table" if raw[11:12] == b"\1" else "log"
        try:
            return "ok", append_mode.decode(raw, self.keys).content, layout
        except primitives.NotHere:
            return "wrong_key", b"", layout
        except append_mode.Newer:
            return "unsupported", b"", layout
        except primitives.Damaged as error:
            return "integrity", error.content, layout


def mutate(generator, raw, others):
    """Up to three changes of an attacker, a disk or a crash."""
    raw = bytearray(raw)
    for _ in range(generator.randint(1, 3)):
        if len(raw) < 64:
            break
        kind = generator.randrange(6)
        first = 0 if generator.random() < 0.3 else min(4096, len(raw) - 1)
        at = generator.randrange(first, len(raw))
        unit = generator.choice([1, 32, 96, 512, 4096])
        if kind == 0:
            raw[at] ^= 1 << generator.randrange(8)
        elif kind == 1:
            del raw[at:]
        elif kind == 2:
            raw[at : at + unit] = bytes(len(raw[at : at + unit]))
        elif kind == 3:
            at -= at % unit
            piece = generator.choice(others)[at : at + unit]
            raw[at : at + len(piece)] = piece
        elif kind == 4:
            at -= at % unit
            source = generator.randrange(len(raw)) // unit * unit
            raw[at : at + unit] = raw[source : source + unit]
        else:
            raw += bytes(generator.randrange(5000))
    return bytes(raw)


def blocks_of(document, language):
    """The blocks ```LANGUAGE NAME of a document, their comments cut off."""
    text = (HERE.parents[1] / "docs/formats" / document).read_text(encoding="utf-8")
    found = re.findall(rf"^```{language} (\S+)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return {name: re.sub(r"#.*", "", block) for name, block in found}


class Examples(unittest.TestCase):
    """The worked examples of the other two documents."""

    def test_the_example_of_the_key_ring_is_unlocked(self):
        ring = keyring.parse(bytes.fromhex(blocks_of("keyring.md", "hex")["keyring"]))
        self.assertEqual((ring.org, ring.node, ring.sequence, len(ring.lockboxes)), ("acme", "n1", 7, 1))
        self.assertEqual(keyring.unlock(ring, bytes(range(32))), {1: bytes(range(32, 64))})
        with self.assertRaises(primitives.Damaged):
            keyring.unlock(ring, bytes(32))

    def test_the_example_of_the_local_kms_is_unwrapped(self):
        blocks = blocks_of("local-kms.md", "hex")
        context = blocks_of("local-kms.md", "json")["context"].strip().encode()
        with tempfile.TemporaryDirectory() as directory:
            kms = pathlib.Path(directory)
            (kms / "keys").mkdir()
            (kms / "keyhold-kms").write_bytes(bytes.fromhex(blocks["marker"]))
            (kms / "keys/orders").write_bytes(bytes.fromhex(blocks["key-file"]))
            ciphertext = bytes.fromhex(blocks["ciphertext"])
            key = local_kms.unwrap(kms, "local:///srv/customer-kms/orders", ciphertext, context)
            self.assertEqual(key, bytes(range(0xA0, 0xC0)))
            (kms / "keys/orders").write_bytes(bytes.fromhex(blocks["destroyed-key-file"]))
            with self.assertRaises(primitives.NotHere):
                local_kms.unwrap(kms, "local:///srv/customer-kms/orders", ciphertext, context)


class WholeStore(unittest.TestCase):
    """From the customer's KMS to every byte, by the documents alone."""

    def test_the_golden_store_is_decoded(self):
        golden = pathlib.Path(OPTIONS.golden)
        manifest = json.loads((golden / "manifest.json").read_text())
        keys = keyhold_decode.open_store(golden / "store", golden / "kms")
        names = [str(path.relative_to(golden / "store")) for path in keyhold_decode.files_of(golden / "store")]
        self.assertEqual(names, sorted(file["name"] for file in manifest["files"]))
        for told in manifest["files"]:
            with self.subTest(told["name"]):
                found = append_mode.verify((golden / "store" / told["name"]).read_bytes(), keys).facts()
                for fact, value in told.items():
                    if fact != "name":
                        self.assertEqual(found[fact], value, fact)

    def test_a_flipped_bit_in_the_key_ring_is_reported(self):
        golden = pathlib.Path(OPTIONS.golden)
        raw = (golden / "store/.keyhold/keyring.a").read_bytes()
        for at in range(len(raw)):
            changed = bytearray(raw)
            changed[at] ^= 1 << at % 8
            with self.assertRaises((primitives.Damaged, primitives.NotHere), msg=f"byte {at}"):
                keyring.best_of([bytes(changed), None])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", required=True, help="decoder_files of the build")
    parser.add_argument("--golden", required=True, help="tests/golden/format-1")
    parser.add_argument("--python", default="", help="an interpreter with cryptography")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--mutants", type=int, default=400)
    OPTIONS = parser.parse_args()
    use_environment_with_cryptography(OPTIONS.python)
    sys.path.insert(0, str(HERE))
    sys.dont_write_bytecode = True
    import append_mode
    import keyhold_decode
    import keyring
    import local_kms
    import primitives

    print(f"seed {OPTIONS.seed}", file=sys.stderr)
    unittest.main(argv=sys.argv[:1])
