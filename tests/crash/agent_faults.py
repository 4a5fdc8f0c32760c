#!/usr/bin/env python3
"""What goes wrong around an agent: it is stopped, it or what it started is killed, its KMS goes away, a second one comes, a stranger
connects. Nothing is served that should not be, and every synced key is there afterwards."""
import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import seal_loop
from seal_loop import wait

NOBODY = 65534


class Faults(seal_loop.Loop):
    before = 0  # keys acknowledged when the engine was found dead

    def begin(self):
        self.prepare()
        self.start(agent=True)
        self.serving_anew(0)
        self.run_a_while()

    def lives(self, pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def supervisor(self):
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        for pid in children:
            if b"supervise-engine" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes():
                return int(pid)
        return self.fail("the agent has no supervisor")

    def dies(self, pid, bound):
        """The engine is gone within so many seconds; how long it took."""
        began = time.monotonic()
        self.until("the engine's end", lambda: not self.lives(pid), alive=False)
        took = time.monotonic() - began
        if took > bound:
            self.fail(f"the engine was there for {took:.1f} s more; at most {bound} s may be")
        self.before = self.acknowledged()
        return took

    def comes_back(self, since):
        """From an agent that goes on by itself, or else from the next one."""
        self.until("the engine's return or the agent's end", lambda: self.process.poll() is not None or (
            self.page().started / 1e9 >= since and self.page().first_read), alive=False)
        how = "by itself"
        if self.process.poll() is not None:
            how = f"with a new agent, after status {self.process.returncode}: {self.log.read_text().splitlines()[-1]}"
            self.start(agent=True)
        self.serving_anew(since)
        found = self.check()
        if found < self.before:
            self.fail(f"{self.before} keys were acknowledged, {found} found")
        return f"back {how}; {self.before} keys acknowledged, {found} found"

    def killed(self, victim, bound):
        engine = self.page().pid
        since = time.time()
        os.kill(victim, signal.SIGKILL)
        took = self.dies(engine, bound)
        return f"engine dead after {took:.2f} s; {self.comes_back(since)}"

    def agent_killed(self):
        return self.killed(self.process.pid, 3)

    def supervisor_killed(self):
        return self.killed(self.supervisor(), 3)

    def engine_killed(self):
        engine = self.page().pid
        since = time.time()
        os.kill(engine, signal.SIGKILL)
        self.dies(engine, 1)
        status = self.process.wait(seal_loop.PATIENCE)
        if status != 128 + signal.SIGKILL:
            self.fail(f"the agent of an engine that was killed ended with {status}")
        return self.comes_back(since)

    def agent_stopped(self):
        """No sign of life for 5 s: the supervisor ends the engine, for nobody knows what the KMS says."""
        engine = self.page().pid
        since = time.time()
        self.process.send_signal(signal.SIGSTOP)
        try:
            took = self.dies(engine, 7)
        finally:
            self.process.send_signal(signal.SIGCONT)
        return f"engine dead after {took:.2f} s; {self.comes_back(since)}"

    def outage(self, seconds, meanwhile):
        away = self.kms.with_suffix(".away")
        self.kms.rename(away)
        end = time.monotonic() + seconds
        try:
            while time.monotonic() < end:
                if meanwhile():
                    break
                wait(0.05)
        finally:
            away.rename(self.kms)
        return seconds - (end - time.monotonic())

    def short_outage(self):
        before = self.page()
        self.outage(10, lambda: False)
        after = self.page()
        if after.pid != before.pid or not self.lives(after.pid):
            self.fail("an outage shorter than the grace ended the engine")
        if after.last_write < (time.time() - 1) * 1e9 or after.refused:
            self.fail("the engine did not write on in an outage shorter than the grace")
        return f"the engine wrote on, {self.acknowledged()} keys acknowledged"

    def long_outage(self):
        self.run("store", "policy", "set", self.store, "lease.grace=2s")
        engine = self.page().pid
        took = self.outage(30, lambda: not self.lives(engine))
        back = time.time()
        self.before = self.acknowledged()
        if self.lives(engine):
            self.fail("an outage longer than the grace of 2 s did not end the engine")
        outcome = self.comes_back(back)
        page = self.page()
        if self.process.poll() is not None or page.started / 1e9 - back > seal_loop.BOUND:
            self.fail(f"not back by itself within 10 s: {outcome}")
        return f"engine dead {took:.2f} s after the outage began, started {page.started / 1e9 - back:.2f} s after its end; {outcome}"

    def start_without_engine(self, reason, *options):
        """The next agent, which has no right to the keys yet: no engine runs."""
        self.stop()
        self.before = self.acknowledged()
        self.page_file.unlink()
        self.start(True, *options)
        self.until("the agent's reason to wait", lambda: reason in self.log.read_text())
        wait(1)
        if self.page_file.exists():
            self.fail("an engine was started without a right to the keys")

    def kms_down_at_start(self):
        away = self.kms.with_suffix(".away")
        self.stop()
        self.kms.rename(away)
        try:
            self.start_without_engine("waits for its KMS")
        finally:
            away.rename(self.kms)
        return self.comes_back(0)

    def metric(self, name):
        port = re.search(r"metrics at http://127\.0\.0\.1:(\d+)/", self.log.read_text())[1]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return [line for line in text.splitlines() if line.startswith(name)]

    def sealed_at_start(self):
        """A reboot stays sealed by the tombstone; the metrics say so."""
        self.run("store", "seal", self.store)
        os.environ["KEYHOLD_LOG"] = "info"  # says where the metrics are
        self.start_without_engine("sealed", "--metrics", "127.0.0.1:0")

        def is_in(state):
            return any(f'state="{state}"' in line and line.endswith(" 1") for line in self.metric("keyhold_host_state"))
        self.until("the metrics say sealed", lambda: is_in("sealed"))
        self.run("store", "unseal", self.store)
        outcome = self.comes_back(0)
        self.until("the metrics say serving", lambda: is_in("serving"))
        return outcome

    def second_agent(self):
        done = subprocess.run([self.options.keyhold, "agent", "--store", self.store], capture_output=True, text=True, timeout=30)
        if done.returncode != 7 or str(self.process.pid) not in done.stderr:
            self.fail(f"a second agent: exit {done.returncode}, {done.stderr}")
        if not self.lives(self.page().pid):
            self.fail("a second agent ended the first one's engine")
        return done.stderr.strip()

    def stranger(self):
        """Another user, whom even a socket that everybody may connect to does not help."""
        if os.geteuid() != 0:
            print("skipped: only root can be another user")
            self.stop()
            sys.exit(77)
        path = self.store / ".keyhold/control.sock"
        for opened in [path, *path.parents]:
            if opened == pathlib.Path(tempfile.gettempdir()).resolve():
                break
            opened.chmod(0o777)
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            answer = b"?"
            try:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
                client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                client.settimeout(10)
                client.connect(str(path))
                # Whoever is let in is waited for to say what it wants; a stranger is told why not and hung up on.
                answer = b""
                while piece := client.recv(4096):
                    answer += piece
            except ConnectionResetError:
                pass
            except OSError as error:
                answer = str(error).encode()
            os.write(write_end, answer)
            os._exit(0)
        os.waitpid(child, 0)
        answer = os.read(read_end, 1000)
        if answer and b"only root" not in answer:
            self.fail(f"a stranger at the control socket got {answer}")
        self.run("store", "rotate", self.store)
        return "hung up on; the owner is still answered"


FAULTS = ["agent_killed", "supervisor_killed", "engine_killed", "agent_stopped", "short_outage", "long_outage", "kms_down_at_start",
          "sealed_at_start", "second_agent", "stranger"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--writer", required=True)
    parser.add_argument("--keyhold", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("fault", choices=FAULTS)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="keyhold-fault.")).resolve()
    faults = Faults(options, folder)
    try:
        faults.begin()
        print(f"{options.fault}: {getattr(faults, options.fault)()}", flush=True)
    finally:
        faults.stop()
        shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(main())
