"""The rules. Each takes a Tree and yields Findings; its docstring says what it asks for."""

import os
import re

import layers
from tree import Finding, functions_of

RULES = {}


def rule(function):
    RULES[function.__name__] = function
    return function


def _under(path, prefixes):
    return any(path == prefix or path.startswith(prefix) for prefix in prefixes)


def layer_of(path):
    """The folder that a path relative to src/ belongs to, as layers.py names it."""
    parts = path.split("/")[:-1]
    depth = 2 if parts and parts[0] in layers.WITH_INNER_LAYERS else 1
    return "/".join(parts[:depth])


@rule
def include_direction(tree):
    """Includes point one way, by the table in layers.py; quoted includes name folder and header."""
    for file in tree.code("src/", "cmd/"):
        own = "cmd" if file.path.startswith("cmd/") else layer_of(file.path[len("src/") :])
        allowed = {own, *layers.ALLOWED.get(own, [])}
        if file.is_test:
            allowed.update(layers.ALLOWED_IN_TESTS)
        for line, target, quoted in file.includes():
            if not quoted:
                continue
            if "/" not in target:
                yield Finding(file.path, line, f'"{target}": write the folder too')
            elif not target.startswith("keyhold/") and layer_of(target) not in allowed:
                yield Finding(file.path, line, f"{own} may not include {layer_of(target)}")


@rule
def third_party_includes(tree):
    """A third party is included only where layers.py says; heavy ones by no header of ours."""
    for file in tree.code("src/", "cmd/", "examples/", "bench/", "tests/", "fuzz/", "include/"):
        for line, target, _ in file.includes():
            for prefix, places in layers.THIRD_PARTY.items():
                if target.startswith(prefix) and not _under(file.path, places):
                    yield Finding(file.path, line, f"<{target}> belongs to {', '.join(places)} only")
            heavy = any(target.startswith(prefix) for prefix in layers.HEAVY)
            if heavy and file.is_header and not file.is_test:
                yield Finding(file.path, line, f"<{target}> in a header: include it in the .cc")


# (pattern, folders it holds in, exempt paths, also in tests?, what to do instead)
_BANNED = [
    (r"\bs?rand\s*\(", ["src/", "cmd/", "tests/"], [], True, "crypto::Random"),
    (r"\bstd::random_device\b", ["src/", "cmd/", "tests/"], [], True, "crypto::Random, or a printed seed"),
    (r"\bstd::(mt19937\w*|default_random_engine)\b", ["src/", "cmd/"], [], False, "crypto::Random"),
    (r"\bRAND_(priv_)?bytes\b", ["src/", "cmd/"], [], True, "crypto::Random"),
    (r"\bgetrandom\s*\(", ["src/", "cmd/"], ["src/crypto/", "src/io/whole_file.cc"], False, "crypto::Random"),
    (r"\bmemcmp\s*\(", ["src/", "cmd/"], ["src/crypto/"], True,
     "crypto::equal_constant_time for anything secret, std::ranges::equal for the rest"),
    (r"\bsystem_clock::now\b", ["src/", "cmd/"], ["src/base/clock.cc"], True, "Clock::wall_now"),
    (r"\bsteady_clock::now\b", ["src/", "cmd/"], ["src/base/clock.cc"], False, "Clock::boot_now"),
    (r"\b(clock_gettime|gettimeofday)\s*\(|\btime\s*\(\s*(nullptr|NULL|0)\s*\)", ["src/", "cmd/"],
     ["src/base/clock.cc"], False, "Clock"),
    (r"\b(system|popen)\s*\(", ["src/", "cmd/"], [], False, "no shell is ever run"),
    (r"\busing\s+namespace\s+std\b", ["src/", "cmd/", "include/", "tests/"], [], True, "names in full"),
]

_SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(|^\s*sleep\s+[\d.$]")
_BOUNDED = re.compile(r"(//|#) bounded poll\b")


@rule
def banned_names(tree):
    """No home-made randomness, wall clocks, memcmp near secrets, shells, or sleeps."""
    for file in tree.code():
        for pattern, places, exempt, in_tests, instead in _BANNED:
            if not _under(file.path, places) or _under(file.path, exempt):
                continue
            if file.is_test and not in_tests:
                continue
            for number, line in enumerate(file.code_lines, 1):
                match = re.search(pattern, line)
                if match:
                    yield Finding(file.path, number, f"{match[0].strip()}: use {instead}")
    yield from _sleeps(tree)


def _sleeps(tree):
    for file in tree.files:
        if not _under(file.path, ["src/", "cmd/", "tests/", "examples/"]) or file.path.endswith((".md", ".txt")):
            continue
        lines = file.code_lines if file.is_code else file.lines
        for number, line in enumerate(lines, 1):
            if _SLEEP.search(line) and not _BOUNDED.search(file.lines[number - 1]):
                yield Finding(file.path, number, 'a sleep is no synchronisation; a bounded poll says so: "bounded poll"')


@rule
def secret_access(tree):
    """Secret bytes are reached in the folders that layers.py lists, and in tests."""
    for file in tree.code("src/", "cmd/", "examples/", "include/"):
        if file.is_test or _under(file.path, layers.SECRET_ACCESS):
            continue
        for number, line in enumerate(file.code_lines, 1):
            if re.search(r"\bSecretAccess\b", line):
                yield Finding(file.path, number, "this folder may not touch secret bytes")


_CONTAINER = (
    r"\b(?:std::string|std::vector<[^>]*>|std::array<[^>]*>|ByteVector)\s*[&*]?\s+[&*]?\s*"
    r"(\w*(?:key|secret|kek|dek|bek)_(?:bytes|material|plaintext))\b"
)


@rule
def key_containers(tree):
    """Key bytes live in Key256 or SecretBlock, never in a string, vector or array."""
    for file in tree.code("src/", "cmd/", "include/"):
        if file.is_test:
            continue
        for number, line in enumerate(file.code_lines, 1):
            match = re.search(_CONTAINER, line)
            if match:
                yield Finding(file.path, number, f"{match[1]}: keys live in crypto::Key256 or SecretBlock")


class Limits:
    file_lines = 600
    function_lines = 120
    listed_file_lines = 400
    listed_function_lines = 70


@rule
def sizes(tree):
    """Files and functions stay small: a report, and a hard limit."""
    files, functions = [], []
    for file in tree.code("src/", "cmd/", "include/", "tests/", "examples/", "bench/", "fuzz/"):
        files.append((len(file.lines), file.path, 0))
        functions += [(f.lines, file.path, f.first_line) for f in functions_of(file)]
    yield from _judge("file", files, Limits.listed_file_lines, Limits.file_lines)
    yield from _judge("function", functions, Limits.listed_function_lines, Limits.function_lines)


def _judge(what, rows, listed, limit):
    rows.sort()
    if rows:
        print(f"sizes: {len(rows)} {what}s, median {rows[len(rows) // 2][0]} lines, largest {rows[-1][0]}")
    for lines, path, line in reversed(rows):
        if lines > limit:
            yield Finding(path, line, f"a {what} of {lines} lines; the limit is {limit}")
        elif lines > listed:
            print(f"sizes: {path}:{line}: a {what} of {lines} lines (the aim is {listed})")


_MACHINE = re.compile(r"(?<![\w./-])/(?:work|root|farm)/|(?<![\w./-])/home/\w+/")


@rule
def machine_paths(tree):
    """Nothing names a directory of the machine that it was written on."""
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            match = _MACHINE.search(line)
            if match:
                yield Finding(file.path, number, f"a path of one machine: {match[0]}")


@rule
def folder_readme(tree):
    """Each folder of src has a README.md."""
    paths = {file.path for file in tree.files}
    for folder in sorted({f.path.split("/")[1] for f in tree.code("src/") if f.path.count("/") >= 2}):
        if f"src/{folder}/README.md" not in paths:
            yield Finding(f"src/{folder}", 0, "no README.md")


_UNFINISHED = re.compile(r"\b(T" r"ODO|FIX" r"ME|X" r"XX|HA" r"CK|DIS" r"ABLED_\w+)\b")


@rule
def unfinished_marks(tree):
    """Work is done or filed as an issue, not marked in the source."""
    for file in tree.files:
        for number, line in enumerate(file.lines, 1):
            match = _UNFINISHED.search(line)
            if match:
                yield Finding(file.path, number, f"{match[0]}: finish it, or file an issue")


@rule
def headers(tree):
    """Every header says #pragma once first (a C header: a guard), and C++ files are .h or .cc."""
    for file in tree.code():
        first = next((line for line in file.code_lines if line.strip()), "")
        guarded = file.path.startswith("include/") and first.startswith("#ifndef KEYHOLD_")
        if file.is_header and not guarded and first.strip() != "#pragma once":
            yield Finding(file.path, 0, "a header's first line of code is #pragma once")
    for path in tree.odd_code:
        yield Finding(path, 0, "C++ files are named .h or .cc")


@rule
def sources_listed(tree):
    """Every .cc is named by a CMakeLists.txt in its folder or above: no file that nobody builds."""
    lists = {f.path[: -len("CMakeLists.txt")]: f.text for f in tree.files if f.path.endswith("CMakeLists.txt")}
    for file in tree.code("src/", "cmd/", "examples/", "tests/", "fuzz/", "bench/"):
        if file.is_header:
            continue
        folder, name = file.path.rsplit("/", 1)
        stem = re.escape(name[: -len(".cc")])
        above = [text for prefix, text in lists.items() if prefix and (folder + "/").startswith(prefix)]
        if not any(re.search(rf"\b{stem}\b", text) for text in above):
            yield Finding(file.path, 0, "no CMakeLists.txt names it")


@rule
def named_tests(tree):
    """A test that a document names, as `Suite.Name`, exists."""
    known = set()
    for file in tree.code():
        for suite, name in re.findall(r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP)\(\s*(\w+),\s*(\w+)", file.text):
            known.add(f"{suite}.{name}")
    for file in tree.files:
        if not (file.path.startswith("docs/") and file.path.endswith(".md")):
            continue
        for number, line in enumerate(file.lines, 1):
            for name in re.findall(r"`([A-Z]\w+\.[A-Z]\w+)`", line):
                if name not in known:
                    yield Finding(file.path, number, f"there is no test {name}")


@rule
def document_links(tree):
    """A relative link in a document leads to a file or folder of the tree."""
    for file in tree.files:
        if not file.path.endswith(".md"):
            continue
        folder = os.path.dirname(os.path.join(tree.root, file.path))
        for number, line in enumerate(file.lines, 1):
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                path = target.split("#")[0]
                if re.match(r"[a-z]+:", target) or path == "":
                    continue
                if not os.path.exists(os.path.join(folder, path)):
                    yield Finding(file.path, number, f"{target} leads nowhere")
