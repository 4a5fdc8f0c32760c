#!/usr/bin/env python3
"""Runs one script of commands and compares what they print and their exit statuses (README.md)."""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

# Words for what differs from run to run.
PATTERNS = {
    "<id>": r"[0-9a-f]{32}",
    "<hex>": r"[0-9a-f]+",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "<n>": r"[\d,.]+",
    "<any>": r".*",
}
STATUS = re.compile(r"^\[exit (\d+)\]$")
COMMAND_SECONDS = 60


class Step:
    def __init__(self, line, command):
        self.line = line
        self.command = command
        self.expected = []
        self.status = 0


def parse(path):
    steps = []
    with open(path, encoding="utf-8") as script:
        lines = script.read().split("\n")
    for number, line in enumerate(lines, 1):
        if line.startswith("$ "):
            steps.append(Step(number, line[2:]))
        elif line.startswith("> ") and steps:
            steps[-1].command += "\n" + line[2:]
        elif line.startswith("#") or (line == "" and not (steps and steps[-1].expected)):
            continue
        elif not steps:
            sys.exit(f"{path}:{number}: output before the first command")
        elif STATUS.match(line):
            steps[-1].status = int(STATUS.match(line).group(1))
        else:
            steps[-1].expected.append(line)
    for step in steps:
        while step.expected and step.expected[-1] == "":
            step.expected.pop()
    return steps


def regex_of(line, directory):
    line = line.replace("$DIR", directory)
    parts = re.split("(" + "|".join(map(re.escape, PATTERNS)) + ")", line)
    return "".join(PATTERNS.get(part) or re.escape(part) for part in parts)


def matches(expected, actual, directory):
    """A line "..." stands for any number of lines."""
    if not expected:
        return not actual
    if expected[0] == "...":
        return any(matches(expected[1:], actual[i:], directory) for i in range(len(actual) + 1))
    if not actual or not re.fullmatch(regex_of(expected[0], directory), actual[0]):
        return False
    return matches(expected[1:], actual[1:], directory)


class Runner:
    def __init__(self, options, directory):
        self.directory = directory
        self.groups = []
        self.environment = {
            "PATH": os.pathsep.join(options.path + ["/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin"]),
            "HOME": directory,
            "DIR": directory,
            "LC_ALL": "C",
            "TZ": "UTC",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.environment[name] = os.environ[name]

    def run(self, command):
        """Standard output and error as one text, in the order of their writing, and the status."""
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                ["bash", "-o", "pipefail", "-c", command], cwd=self.directory, env=self.environment,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            self.groups.append(process.pid)
            try:
                status = process.wait(timeout=COMMAND_SECONDS)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                status = f"none: still running after {COMMAND_SECONDS} s"
            output.seek(0)
            text = output.read().decode("utf-8", "replace")
        return text.removesuffix("\n").split("\n") if text else [], status

    def end_leftovers(self):
        """What a script left in the background."""
        for group in self.groups:
            try:
                os.killpg(group, signal.SIGKILL)
            except ProcessLookupError:
                pass


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("script")
    parser.add_argument("--path", action="append", default=[], help="a directory of programs the script may call")
    parser.add_argument("--show", action="store_true", help="print what every command printed")
    options = parser.parse_args()
    directory = os.path.realpath(tempfile.mkdtemp(prefix="keyhold-cli-"))
    runner = Runner(options, directory)
    failures = 0
    steps = parse(options.script)
    try:
        for step in steps:
            actual, status = runner.run(step.command)
            good = status == step.status and matches(step.expected, actual, directory)
            if good and not options.show:
                continue
            print(f"{options.script}:{step.line}: $ {step.command}")
            print("\n".join(actual).replace(directory, "$DIR"))
            print(f"[exit {status}]")
            if not good:
                failures += 1
                print(f"-- expected, with exit status {step.status}:")
                print("\n".join(step.expected), end="\n\n")
    finally:
        runner.end_leftovers()
        shutil.rmtree(directory, ignore_errors=True)
    if not steps:
        sys.exit(f"{options.script}: no commands")
    print(f"{len(steps)} commands, {failures} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
