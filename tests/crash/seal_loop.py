#!/usr/bin/env python3
"""Takes the CMEK away from a running engine and gives it back, again and again on one database, and looks for every synced key.

A cycle: `keyhold agent` runs an engine that writes with sync, reads warm keys, flushes, compacts and changes the MANIFEST all the
time; at a random instant the key is disabled in the LOCAL KMS. From the host's first denial in the KMS's access log until the host
says that it is sealed, and nothing has been read or written since, at most 10 s may pass; from the key's return until the engine is
started again, at most 10 s too. Then the engine looks for every key that any cycle acknowledged. Some cycles more are sealed and
unsealed by order, and one has no agent: there the plugin ends the engine, and the loop starts it again.
"""
import argparse
import collections
import contextlib
import datetime
import json
import pathlib
import random
import select
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
import time

BOUND = 10.0
PATIENCE = 60.0
BATCH_KEYS = 20  # as in numbered_keys.h
PAGE = struct.Struct("<13Q")
Page = collections.namedtuple(
    "Page", "pid started first_read last_read last_write checked missing check_done refused syncing flushing compacting manifest")
WORK = ["syncing", "flushing", "compacting", "manifest"]
NO_PAGE = Page(*[0] * 13)


def wait(seconds):
    """Between two looks at another process, or until an instant of the dice's: never for something to have happened."""
    select.select([], [], [], seconds)


class Loop:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.kms, self.store = folder / "kms", folder / "store"
        self.numbers, self.page_file, self.log = folder / "numbers", folder / "page", folder / "engine.log"
        self.dice = random.Random(options.seed)
        self.process = None
        self.hit = collections.Counter()
        self.times = collections.defaultdict(list)

    def fail(self, why):
        log = self.log.read_text()[-3000:] if self.log.exists() else ""
        sys.exit(f"seed {self.options.seed}: {why}\n{log}")

    def run(self, *arguments, accept=(0,)):
        done = subprocess.run([self.options.keyhold, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode not in accept:
            self.fail(f"{' '.join(done.args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def prepare(self):
        self.run("kms", "init", self.kms)
        self.run("kms", "key", "create", self.kms, "cmek")
        self.run("store", "init", self.store, "--kms-type", "LOCAL", "--kms-uri", f"local://{self.kms}/cmek")

    def start(self, agent, *options):
        engine = [self.options.writer, self.store / "db", self.store, self.numbers, self.page_file]
        command = [self.options.keyhold, "agent", "--store", self.store, *options, "--", *engine] if agent else engine
        with self.log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def page(self):
        with contextlib.suppress(FileNotFoundError, struct.error):
            return Page(*PAGE.unpack(self.page_file.read_bytes()))
        return NO_PAGE

    def acknowledged(self):
        return self.numbers.read_bytes().count(b"\n") * BATCH_KEYS if self.numbers.exists() else 0

    def until(self, what, look, alive=True):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            found = look()
            if found:
                return found
            if alive and self.process.poll() is not None:
                self.fail(f"the process ended with {self.process.returncode} before {what}")
            wait(0.02)
        return self.fail(f"not within {PATIENCE:.0f} s: {what}")

    def host_state(self):
        # 3: the KMS says no to the command too.
        host = json.loads(self.run("store", "status", self.store, "--json", accept=(0, 3)))["host"]
        return host["state"] if host else None

    def sealed_at(self):
        """A time no earlier than the seal: of the first answer that says so."""
        return time.time() if self.host_state() == "sealed" else None

    def first_denial(self, host, since):
        """The access log itself, for its milliseconds."""
        for line in (self.kms / "access.log").read_text().splitlines():
            entry = json.loads(line)
            stamp = datetime.datetime.fromisoformat(entry["time"].replace("Z", "+00:00")).timestamp()
            if entry["pid"] == host and stamp >= since - 0.001 and entry["outcome"] != "ok" and entry["operation"] in (
                    "probe", "unwrap", "describe", "wrap"):
                return stamp
        return self.fail("the KMS denied nothing to the host")

    def serving_anew(self, since):
        def look():
            page = self.page()
            return page if page.started / 1e9 >= since and page.first_read else None
        return self.until("the engine's first read", look)

    def check(self):
        """Every acknowledged key, looked for by the engine that just started."""
        def look():
            page = self.page()
            return page if page.check_done else None
        page = self.until("every key was looked for", look)
        if page.missing or page.refused:
            self.fail(f"of {page.checked} keys {page.missing} are missing, {page.refused} calls failed")
        return page.check_done

    def run_a_while(self):
        end = time.monotonic() + 1 + 2 * self.dice.random()
        while time.monotonic() < end:
            wait(0.01)

    def note_seal(self, sealed):
        """What the seal fell into, and that nothing was served since."""
        page = self.page()
        last = max(page.last_read, page.last_write) / 1e9
        if last > sealed:
            self.fail(f"an engine read or wrote {last - sealed:.3f} s after the host had said that it is sealed")
        for work in WORK:
            self.hit[work] += bool(getattr(page, work))
        wait(0.3)
        if self.page() != page:
            self.fail(f"an engine works on a sealed store: {page}, then {self.page()}")

    def note_times(self, kind, to_seal, to_serve, engine):
        self.times[f"{kind} → sealed"].append(to_seal)
        self.times[f"{kind} undone → engine started"].append(to_serve)
        self.times["engine start → first read"].append(engine)
        if to_seal > BOUND or to_serve + engine > BOUND:
            self.fail(f"{kind}: sealed after {to_seal:.2f} s, engine started after {to_serve:.2f} s and its first read {engine:.2f} s "
                      f"later; the bound is {BOUND:.0f} s")

    def give_back(self, kind, to_seal, command):
        back = time.time()
        self.run(*command)
        page = self.serving_anew(back)
        self.note_times(kind, to_seal, page.started / 1e9 - back, (page.first_read - page.started) / 1e9)

    def cycle(self, number, by_order):
        self.run_a_while()
        began = time.time()
        if by_order:
            self.run("store", "seal", self.store)
            sealed, first = time.time(), began
            if self.host_state() != "sealed":
                self.fail("the host is not sealed after `store seal`")
        else:
            self.run("kms", "key", "disable", self.kms, "cmek")
            sealed = self.until("the host sealed", self.sealed_at)
            first = self.first_denial(self.process.pid, began)
        self.note_seal(sealed)
        acknowledged = self.acknowledged()
        self.give_back("order" if by_order else "denial", sealed - first,
                       ("store", "unseal", self.store) if by_order else ("kms", "key", "enable", self.kms, "cmek"))
        self.say(number, acknowledged)

    def embedded_cycle(self, number):
        self.start(agent=False)
        self.serving_anew(0)
        self.check()
        self.run_a_while()
        began = time.time()
        self.run("kms", "key", "disable", self.kms, "cmek")
        status = self.until("the plugin ended the engine", self.process.poll, alive=False)
        sealed = time.time()
        if status != -9:
            self.fail(f"the engine ended with {status} instead of being killed by its own plugin")
        self.note_seal(sealed)
        acknowledged = self.acknowledged()
        first = self.first_denial(self.process.pid, began)
        # An embedded host that is denied at its start ends: whoever keeps the service running starts it again.
        back = time.time()
        self.run("kms", "key", "enable", self.kms, "cmek")
        self.start(agent=False)
        page = self.serving_anew(sealed)
        self.times["embedded: denial → killed"].append(sealed - first)
        self.times["embedded: enabled → first read"].append(page.first_read / 1e9 - back)
        if sealed - first > BOUND or page.first_read / 1e9 - back > BOUND:
            self.fail(f"embedded: killed after {sealed - first:.2f} s, read after {page.first_read / 1e9 - back:.2f} s")
        self.say(number, acknowledged)

    def say(self, number, acknowledged):
        found = self.check()
        if found < acknowledged:
            self.fail(f"{acknowledged} keys were acknowledged, {found} found")
        newest = ", ".join(f"{what} {times[-1]:.2f} s" for what, times in self.times.items())
        print(f"cycle {number}: {acknowledged} acknowledged, {found} found; newest: {newest}", flush=True)

    def loop(self):
        self.prepare()
        self.start(agent=True)
        self.serving_anew(0)
        for number in range(1, self.options.cycles + 1):
            self.cycle(number, by_order=False)
        for number in range(1, self.options.cycles // 5 + 1):
            self.cycle(f"by order {number}", by_order=True)
        self.stop()
        self.page_file.unlink()
        self.embedded_cycle("embedded")
        self.stop()
        self.run("store", "verify", self.store)
        self.finish()

    def finish(self):
        for what, times in self.times.items():
            print(f"{what:32} min {min(times):6.2f}  median {statistics.median(times):6.2f}  max {max(times):6.2f} s, {len(times)} times")
        print("seals that fell into: " + ", ".join(f"{work} {self.hit[work]}" for work in WORK))
        if self.options.cycles >= 50 and not all(self.hit[work] for work in WORK):
            self.fail("a kind of work that no seal fell into")
        print(f"{self.options.cycles} cycles, {self.acknowledged()} keys acknowledged, all found after each; every byte verified")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writer", required=True)
    parser.add_argument("--keyhold", required=True)
    parser.add_argument("--cycles", type=int, default=5)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="keyhold-seal.")).resolve()
    loop = Loop(options, folder)
    print(f"seed {options.seed}", flush=True)
    try:
        loop.loop()
    finally:
        loop.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
