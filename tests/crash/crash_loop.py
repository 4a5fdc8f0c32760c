#!/usr/bin/env python3
"""Kills a RocksDB on a Keyhold store with SIGKILL at random instants, and looks for every key that it had acknowledged as synced.

A round: a writer that is also the store's host writes until more than 1,000 keys are acknowledged; then, by the seed, a rotation or
a rewrap is ordered from it, and it is killed after a random few milliseconds. In half of the rounds the order goes to a `keyhold`
process that becomes the host itself and is killed in the middle. Then the database is opened and every acknowledged key is read. An
order that was acknowledged must be in the key ring; at the end each kind is given once more, without a kill, and must be too.

With --state DIR the loop can be stopped and goes on where it was. The seed is printed; the same seed makes the same choices.
"""
import argparse
import json
import pathlib
import random
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import time

ROUND_KEYS = 1000  # every round acknowledges more
KINDS = ["none", "rotate", "rotate --kek", "rewrap", "rewrap to another CMEK"]
BATCH_KEYS = 20  # as in crash_writer.cc


class Loop:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.kms, self.store = folder / "kms", folder / "store"
        self.db = self.store / "db"
        self.state_file = folder / "state.json"
        self.batches = folder / "acknowledged"  # the first key of every acknowledged batch, a line each
        self.state = {"seed": options.seed, "round": 0, "next": 0, "acknowledged": 0, "cmek": 0, "least": None,
                      "orders": {}, "landed": {}}

    def keyhold(self, *arguments):
        return [self.options.keyhold, *map(str, arguments)]

    def run(self, *arguments):
        done = subprocess.run(self.keyhold(*arguments), capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(done.args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def key_uri(self, number):
        return f"local://{self.kms}/cmek-{number}"

    def prepare(self):
        if self.state_file.exists():
            self.state |= json.loads(self.state_file.read_text())
            return
        self.run("kms", "init", self.kms)
        self.run("kms", "key", "create", self.kms, "cmek-0")
        self.run("store", "init", self.store, "--kms-type", "LOCAL", "--kms-uri", self.key_uri(0))
        self.save()

    def save(self):
        temporary = self.state_file.with_suffix(".new")
        temporary.write_text(json.dumps(self.state))
        temporary.rename(self.state_file)

    def keys(self):
        """What the key ring says now: DEK generation, KEK version, and the version of each CMEK with a lockbox."""
        ring = json.loads(self.run("store", "status", self.store, "--json"))["key_ring"]
        return {"generation": ring["generations"][-1]["generation"], "kek": ring["kek"]["version"],
                "lockboxes": {box["key"]["uri"]: int(box["kms_key_version"]) for box in ring["lockboxes"]}}

    def kind(self, number):
        """Each kind once in as many rounds as there are kinds, in an order of the seed's."""
        turn, place = divmod(number - 1, len(KINDS))
        return random.Random(f"{self.state['seed']}-kinds-{turn}").sample(KINDS, len(KINDS))[place]

    def order(self, kind, keys):
        """The command of an order, or None. The customer's part, at the KMS, is done at once."""
        if kind == "none":
            return None
        if kind == "rewrap to another CMEK":
            self.state["cmek"] += 1
            self.save()
            self.run("kms", "key", "create", self.kms, f"cmek-{self.state['cmek']}")
            return self.keyhold("store", "rewrap", self.store, "--kms-type", "LOCAL", "--kms-uri",
                                self.key_uri(self.state["cmek"]))
        if kind == "rewrap":
            for uri in keys["lockboxes"]:
                self.run("kms", "key", "rotate", self.kms, uri.rsplit("/", 1)[1])
            return self.keyhold("store", "rewrap", self.store)
        return self.keyhold("store", *kind.split(), self.store)

    def landed(self, kind, before, after):
        """Whether an order took effect; nothing ever goes back."""
        if after["generation"] < before["generation"] or after["kek"] < before["kek"] or not after["lockboxes"]:
            self.fail(f"the key ring went back from {before} to {after}")
        if kind == "rotate":
            return after["generation"] > before["generation"]
        if kind == "rotate --kek":
            return after["kek"] > before["kek"]
        if kind == "rewrap":
            return all(after["lockboxes"][uri] > version for uri, version in before["lockboxes"].items())
        return kind == "none" or list(after["lockboxes"]) == [self.key_uri(self.state["cmek"])]

    def fail(self, why):
        sys.exit(f"round {self.state['round'] + 1}, seed {self.state['seed']}: {why}")

    def kill_soon(self, process, dice, longest_ms):
        """A kill at a random instant of what the process is doing now: the wait is the experiment, not a synchronisation."""
        end = time.monotonic() + dice.random() * longest_ms / 1000
        while time.monotonic() < end and process.poll() is None:
            select.select([], [], [], 0.001)
        process.kill()
        return process.wait() == 0

    def write_and_kill(self, dice, order, recycled):
        writer = subprocess.Popen([self.options.writer, "write", self.db, self.store, str(self.state["next"]), recycled],
                                  stdout=subprocess.PIPE)
        firsts = []

        def read_one():
            record = writer.stdout.read(8)
            if len(record) == 8:
                firsts.append(struct.unpack("<Q", record)[0])
            return len(record) == 8

        goal = (ROUND_KEYS + dice.randrange(ROUND_KEYS)) // BATCH_KEYS + 1
        while len(firsts) < goal:
            if not read_one():
                self.fail(f"the writer ended by itself with {writer.wait()}")
        client = subprocess.Popen(order, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) if order else None
        self.kill_soon(writer, dice, 60)
        while read_one():
            pass
        done = False
        if client:
            client.kill()
            done = client.wait() == 0
        with self.batches.open("a") as batches:
            batches.writelines(f"{first}\n" for first in firsts)
        # Batches that were under way and not acknowledged may be there or not: their numbers are not used again.
        self.state["next"] = max(firsts) + 10 * BATCH_KEYS
        self.state["acknowledged"] += len(firsts) * BATCH_KEYS
        return done

    def check(self, recycled):
        done = subprocess.run([self.options.writer, "check", self.db, self.store, self.batches, recycled],
                              capture_output=True, text=True)
        if done.returncode != 0:
            self.fail(f"of {self.state['acknowledged']} acknowledged keys {done.stdout.strip()} were found\n"
                      f"{done.stderr[-3000:]}")
        return int(done.stdout)

    def round(self):
        number = self.state["round"] + 1
        dice = random.Random(f"{self.state['seed']}-{number}")
        before, keys = self.state["acknowledged"], self.keys()
        recycled = dice.choice(["0", "4"])
        kind = self.kind(number)
        order = self.order(kind, keys)
        by_the_host = dice.random() < 0.5
        done = self.write_and_kill(dice, order if by_the_host else None, recycled)
        if order and not by_the_host:
            done = self.kill_soon(subprocess.Popen(order, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), dice, 120)
        acknowledged = self.state["acknowledged"] - before
        if acknowledged <= ROUND_KEYS:
            self.fail(f"only {acknowledged} keys were acknowledged")
        found = self.check(recycled)
        landed = self.landed(kind, keys, self.keys())
        if done and not landed:
            self.fail(f"'{kind}' was acknowledged and has no effect: before {keys}, now {self.keys()}")
        self.state["orders"][kind] = self.state["orders"].get(kind, 0) + 1
        self.state["landed"][kind] = self.state["landed"].get(kind, 0) + landed
        self.state["least"] = min(acknowledged, self.state["least"] or acknowledged)
        self.state["round"] = number
        self.save()
        outcome = "" if kind == "none" else " landed" if landed else " cut"
        print(f"round {number}: {acknowledged} acknowledged, {found} of {self.state['acknowledged']} found, {kind}{outcome}",
              flush=True)

    def finish(self):
        for kind in KINDS[1:]:
            keys = self.keys()
            subprocess.run(self.order(kind, keys), check=True, stdout=subprocess.DEVNULL)
            if not self.landed(kind, keys, self.keys()):
                self.fail(f"'{kind}' has no effect: before {keys}, now {self.keys()}")
        self.run("store", "verify", self.store)
        kinds = ", ".join(f"{kind} {self.state['landed'].get(kind, 0)} of {count}"
                          for kind, count in sorted(self.state["orders"].items()) if kind != "none")
        print(f"{self.state['round']} rounds, {self.state['acknowledged']} keys acknowledged, at least {self.state['least']} a "
              f"round, all found; orders that outran the kill: {kinds}; every byte verified")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writer", required=True)
    parser.add_argument("--keyhold", required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--state", type=pathlib.Path, help="a folder that keeps the loop's state; removed when it is through")
    options = parser.parse_args()
    folder = options.state or pathlib.Path(tempfile.mkdtemp(prefix="keyhold-crash."))
    folder.mkdir(parents=True, exist_ok=True)
    loop = Loop(options, folder.resolve())
    loop.prepare()
    print(f"seed {loop.state['seed']}, {loop.state['round']} of {options.rounds} rounds done", flush=True)
    while loop.state["round"] < options.rounds:
        loop.round()
    loop.finish()
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
