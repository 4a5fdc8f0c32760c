#!/usr/bin/env python3
"""Kills a RocksDB on a Keyhold store with SIGKILL at random instants, and looks for every key that it had acknowledged as synced.

A round: a writer that is also the store's host writes until some thousand keys are acknowledged; then, by the seed, a rotation or a
rewrap is ordered from it, and it is killed after a random few milliseconds. In half of the rounds the order goes to a `keyhold`
process that becomes the host itself and is killed in the middle. Then the database is opened and every acknowledged key is read.

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

ROUND_KEYS = 1000
BATCH_KEYS = 20  # as in crash_writer.cc


class Loop:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.kms, self.store = folder / "kms", folder / "store"
        self.db = self.store / "db"
        self.state_file = folder / "state.json"
        self.batches = folder / "acknowledged"  # the first key of every acknowledged batch, a line each
        self.state = {"seed": options.seed, "round": 0, "next": 0, "acknowledged": 0, "cmek": 0, "orders": {}}

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
            self.state = json.loads(self.state_file.read_text())
            return
        self.run("kms", "init", self.kms)
        self.run("kms", "key", "create", self.kms, "cmek-0")
        self.run("store", "init", self.store, "--kms-type", "LOCAL", "--kms-uri", self.key_uri(0))
        self.save()

    def save(self):
        temporary = self.state_file.with_suffix(".new")
        temporary.write_text(json.dumps(self.state))
        temporary.rename(self.state_file)

    def order(self, dice):
        """The command of this round's order, or None."""
        kind = dice.choice(["none", "rotate", "rotate --kek", "rewrap", "rewrap to another CMEK"])
        self.state["orders"][kind] = self.state["orders"].get(kind, 0) + 1
        if kind == "none":
            return None
        if kind == "rewrap to another CMEK":
            self.state["cmek"] += 1
            self.save()
            self.run("kms", "key", "create", self.kms, f"cmek-{self.state['cmek']}")
            return self.keyhold("store", "rewrap", self.store, "--kms-type", "LOCAL", "--kms-uri",
                                self.key_uri(self.state["cmek"]))
        if kind == "rewrap":
            current = self.run("kms", "key", "list", self.kms, "--json")
            names = [key["name"] for key in json.loads(current)["keys"]]
            self.run("kms", "key", "rotate", self.kms, dice.choice(names))
            return self.keyhold("store", "rewrap", self.store)
        return self.keyhold("store", *kind.split(), self.store)

    def kill_soon(self, process, dice, longest_ms):
        """A kill at a random instant of what the process is doing now: the wait is the experiment, not a synchronisation."""
        end = time.monotonic() + dice.random() * longest_ms / 1000
        while time.monotonic() < end and process.poll() is None:
            select.select([], [], [], 0.001)
        process.kill()
        process.wait()

    def write_and_kill(self, dice, order, recycled):
        writer = subprocess.Popen([self.options.writer, "write", self.db, self.store, str(self.state["next"]), recycled],
                                  stdout=subprocess.PIPE)
        firsts = []

        def read_one():
            record = writer.stdout.read(8)
            if len(record) == 8:
                firsts.append(struct.unpack("<Q", record)[0])
            return len(record) == 8

        goal = (ROUND_KEYS + dice.randrange(ROUND_KEYS)) // BATCH_KEYS
        while len(firsts) < goal:
            if not read_one():
                sys.exit(f"the writer ended by itself with {writer.wait()}")
        client = subprocess.Popen(order, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) if order else None
        self.kill_soon(writer, dice, 60)
        while read_one():
            pass
        if client:
            client.kill()
            client.wait()
        with self.batches.open("a") as batches:
            batches.writelines(f"{first}\n" for first in firsts)
        # Batches that were under way and not acknowledged may be there or not: their numbers are not used again.
        self.state["next"] = max(firsts) + 10 * BATCH_KEYS
        self.state["acknowledged"] += len(firsts) * BATCH_KEYS

    def check(self, recycled):
        done = subprocess.run([self.options.writer, "check", self.db, self.store, self.batches, recycled],
                              capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"round {self.state['round'] + 1}, seed {self.state['seed']}: of {self.state['acknowledged']} "
                     f"acknowledged keys {done.stdout.strip()} were found\n{done.stderr[-3000:]}")
        return int(done.stdout)

    def round(self):
        number = self.state["round"] + 1
        dice = random.Random(f"{self.state['seed']}-{number}")
        before = self.state["acknowledged"]
        recycled = dice.choice(["0", "4"])
        order = self.order(dice)
        by_the_host = dice.random() < 0.5
        self.write_and_kill(dice, order if by_the_host else None, recycled)
        if order and not by_the_host:
            self.kill_soon(subprocess.Popen(order, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), dice, 120)
        found = self.check(recycled)
        self.state["round"] = number
        self.save()
        if number % 10 == 0:
            print(f"round {number}: acknowledged {self.state['acknowledged'] - before} this round, "
                  f"{self.state['acknowledged']} in all, found {found}", flush=True)

    def finish(self):
        self.run("store", "verify", self.store)
        print(f"{self.state['round']} rounds, {self.state['acknowledged']} keys acknowledged, all found; "
              f"orders in flight: {json.dumps(self.state['orders'], sort_keys=True)}; every byte verified")


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
