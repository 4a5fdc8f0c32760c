#!/usr/bin/env python3
"""The tidy test: rules over the source tree that no compiler checks.

Usage: tidy_test.py [--rule NAME] [--self-test] [ROOT]

Exits 1 where a rule finds something. With --self-test it runs each rule over fixtures/NAME instead, a
small tree with bad lines, and fails unless the rule finds exactly the lines listed in its EXPECT file
(PATH:LINE each, line 0 for a whole file): a rule which finds nothing there proves nothing here.
"""

import argparse
import os
import shutil
import sys
import tempfile

import rules
from tree import Tree

HERE = os.path.dirname(os.path.abspath(__file__))


def run(name, tree):
    findings = list(rules.RULES[name](tree))
    for finding in findings:
        print(finding)
    print(f"tidy: {name}: {len(findings) or 'nothing'} found in {len(tree.files)} files")
    return not findings


def unpack_fixture(name, into):
    """A copy of fixtures/NAME with every "%%" taken out: it breaks up words that other checks look for."""
    shutil.copytree(os.path.join(HERE, "fixtures", name), into)
    for folder, _, names in os.walk(into):
        for file_name in names:
            path = os.path.join(folder, file_name)
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
            with open(path, "w", encoding="utf-8") as stream:
                stream.write(text.replace("%%", ""))


def read_expectations(root):
    with open(os.path.join(root, "EXPECT"), encoding="utf-8") as stream:
        return sorted(line.strip() for line in stream if line.strip())


def self_test(name):
    rules.Limits.file_lines, rules.Limits.function_lines = 40, 12
    with tempfile.TemporaryDirectory() as scratch:
        root = os.path.join(scratch, "tree")
        unpack_fixture(name, root)
        expected = read_expectations(root)
        found = sorted({f"{f.path}:{f.line}" for f in rules.RULES[name](Tree(root))})
    for missed in sorted(set(expected) - set(found)):
        print(f"tidy self-test: {name} does not catch {missed}")
    for extra in sorted(set(found) - set(expected)):
        print(f"tidy self-test: {name} wrongly reports {extra}")
    print(f"tidy self-test: {name}: {len(expected)} bad lines, {len(set(expected) & set(found))} caught")
    return bool(expected) and expected == found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rule", choices=sorted(rules.RULES))
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("root", nargs="?", default=os.path.dirname(os.path.dirname(HERE)))
    arguments = parser.parse_args()

    names = [arguments.rule] if arguments.rule else list(rules.RULES)
    if arguments.self_test:
        passed = [self_test(name) for name in names]
    else:
        tree = Tree(arguments.root)
        passed = [run(name, tree) for name in names]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
