#!/usr/bin/env python3
"""Usage: compile_fail_test.py SNIPPET COMPILER [FLAG…]

Compiles SNIPPET and throws the result away. A snippet that marks a line "// must not compile: REGEX" has
to fail at that line, with a message that matches; one without a mark has to compile.
"""

import re
import subprocess
import sys

MARK = re.compile(r"// must not compile: (.+)$")


def marked_line(snippet):
    with open(snippet, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if found := MARK.search(line.rstrip()):
                return number, found[1]
    return None


def judge(snippet, result):
    """None when all is well, else what is wrong."""
    mark = marked_line(snippet)
    if mark is None:
        return None if result.returncode == 0 else "the control does not compile"
    number, message = mark
    if result.returncode == 0:
        return f"line {number} compiles"
    if f"{snippet}:{number}:" not in result.stderr:
        return f"it fails elsewhere than in line {number}"
    if not any("error:" in line and re.search(message, line) for line in result.stderr.splitlines()):
        return f"no error says /{message}/"
    return None


def main():
    snippet, *command = sys.argv[1:]
    command += ["-std=c++20", "-fsyntax-only", "-fno-diagnostics-color", snippet]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if wrong := judge(snippet, result):
        sys.exit(f"{snippet}: {wrong}\n{result.stderr}")


if __name__ == "__main__":
    main()
