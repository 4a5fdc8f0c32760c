"""What the memory tests share: a scratch KMS and store, processes that are talked to line by line, and the search."""
import base64
import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time


def use_environment_with_cryptography(python):
    """Goes on in the interpreter that scripts/test has prepared, where this one lacks the package."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        if os.path.exists(python) and "KEYHOLD_DECODER_STARTED" not in os.environ:
            os.execve(python, [python, *sys.argv], {**os.environ, "KEYHOLD_DECODER_STARTED": "1"})


def expect(holds, what):
    if not holds:
        raise SystemExit(f"FAILED: {what}")


class Talker:
    """A process that answers commands. Its standard error goes to a file: a log that is searched too."""

    def __init__(self, words, log, environment, user):
        self.name = " ".join(map(str, words[:2]))
        self.log = log
        with open(log, "wb") as errors:
            self.process = subprocess.Popen([*map(str, words)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                            text=True, env={**os.environ, **environment}, user=user)

    @property
    def pid(self):
        return self.process.pid

    def hear(self, word):
        line = self.process.stdout.readline().strip()
        expect(line == word, f"{self.name} said {line!r} for {word!r}: {pathlib.Path(self.log).read_text()[-2000:]}")

    def tell(self, command, answer):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        self.hear(answer)

    def end(self):
        self.process.kill()
        self.process.wait()


class Scene:
    """A KMS with a key, a store, and what runs on them."""

    def __init__(self, keyhold, scan):
        self.keyhold_program, self.scan_program = keyhold, scan
        self.directory = tempfile.TemporaryDirectory(prefix="keyhold-memory.")
        self.root = pathlib.Path(self.directory.name).resolve()
        self.kms, self.store = self.root / "kms", self.root / "store"
        self.talkers = []
        self.user = None

    def __enter__(self):
        self.keyhold("kms", "init", self.kms)
        self.keyhold("kms", "key", "create", self.kms, "cmek")
        self.keyhold("store", "init", self.store, "--kms-type", "LOCAL", "--kms-uri", f"local://{self.kms}/cmek")
        return self

    def __exit__(self, *_):
        for talker in self.talkers:
            talker.end()
        self.directory.cleanup()

    def give_to_nobody(self):
        """Root's processes are root's in /proc, dumpable or not; those of another user are only where they are dumpable."""
        if os.geteuid() != 0:
            return
        self.user = 65534
        self.keyhold_program = shutil.copy(self.keyhold_program, self.root / "keyhold")
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, self.user, self.user)

    def await_socket(self):
        for _ in range(600):
            if (self.store / ".keyhold" / "control.sock").exists():
                return
            time.sleep(0.05)  # bounded poll
        expect(False, "no host serves the store: " + pathlib.Path(self.talkers[-1].log).read_text())

    def keyhold(self, *words):
        subprocess.run([self.keyhold_program, *map(str, words)], check=True, stdout=subprocess.DEVNULL)

    def start(self, words, **environment):
        own = words[0] == self.keyhold_program
        talker = Talker(words, self.root / f"log-{len(self.talkers)}", environment, self.user if own else None)
        self.talkers.append(talker)
        return talker

    def expect_nothing_shown(self, keys):
        """No key in an argument, an environment or a log of any process of the scene."""
        forms = {form: name for key, name in keys.items() for form in forms_of(key)}
        for talker in self.talkers:
            places = [f"/proc/{talker.pid}/cmdline", f"/proc/{talker.pid}/environ", talker.log]
            for place in places:
                content = pathlib.Path(place).read_bytes()
                expect(content or place == talker.log, f"{place} is empty")
                for form, name in forms.items():
                    expect(form not in content, f"{name} stands in {place}")

    def search(self, pids, keys):
        """The finds in these processes; fails where one could not be searched."""
        lines = "".join(f"{name} {key.hex()}\n" for key, name in keys.items())
        result = subprocess.run([self.scan_program, *map(str, pids)], input=lines, capture_output=True, text=True)
        expect(result.returncode == 0, result.stderr)
        finds = [json.loads(line) for line in result.stdout.splitlines()]
        for total in (find["bytes"] for find in finds if "bytes" in find):
            expect(total > 1 << 20, f"only {total} bytes of a process were searched")
        return [find for find in finds if "kind" in find]


def summary(finds):
    """Where what was found, most of it first."""
    places = collections.Counter((f["kind"], f["key"], f["mapping"] or "anonymous", f["permissions"]) for f in finds)
    return "\n".join(f"  {count} {kind} of {key} in {place} {rights}" for (kind, key, place, rights), count in places.most_common(40))


def kinds_of(finds, pid):
    return {find["kind"] for find in finds if find["pid"] == pid}


def forms_of(key):
    """Halves too: a key need not stand in one piece."""
    for half in (key[:16], key[16:]):
        yield half
        yield half.hex().encode()
        yield half.hex().upper().encode()
    yield base64.b64encode(key)[:40]


def flags_of_mappings(pid):
    """{(name, permissions): VmFlags of each such mapping}: "lo" is locked, "dd" in no core file."""
    flags = collections.defaultdict(list)
    current = None
    for line in pathlib.Path(f"/proc/{pid}/smaps").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            current = int(words[0].split("-")[0], 16)
        elif words[0] == "VmFlags:":
            flags[current] = words[1:]
    return flags


def expect_hardened(pid):
    """No core file, and not dumpable: its /proc is root's, whoever it runs as."""
    limits = pathlib.Path(f"/proc/{pid}/limits").read_text(encoding="utf-8")
    core = next(line for line in limits.splitlines() if line.startswith("Max core file size"))
    expect(core.split()[4:6] == ["0", "0"], f"{pid}: {core}")
    expect(os.stat(f"/proc/{pid}/mem").st_uid == 0, f"{pid} is dumpable")


def expect_hidden(pids, finds):
    """KEK, DEKs and the files' secrets stand in locked memory that no core file holds; nothing of the process is in swap."""
    for pid in pids:
        flags = flags_of_mappings(pid)
        for find in finds:
            if find["pid"] != pid or find["kind"] != "key" or find["key"].split()[0] not in ("KEK", "DEK", "file"):
                continue
            there = flags.get(find["mapping_start"], [])
            expect("lo" in there and "dd" in there, f"{find['key']} in {find['mapping'] or 'anonymous memory'}: {there}")
        status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
        expect("VmSwap:\t       0 kB" in status, f"{pid} is partly in swap")
