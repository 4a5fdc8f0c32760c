"""The source tree as the rules see it: files, their text without comments, their functions."""

import dataclasses
import os
import re

CODE_SUFFIXES = (".h", ".cc")
ODD_CODE_SUFFIXES = (".cpp", ".cxx", ".hpp", ".hh", ".C")
TEXT_SUFFIXES = CODE_SUFFIXES + (".py", ".sh", ".md", ".cmake", ".txt", ".json", ".toml", ".yaml", ".in")
SKIPPED_FOLDERS = {"build", ".git", "__pycache__", "fixtures", "third_party"}


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int  # 0: the whole file or folder
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.message}"


@dataclasses.dataclass(frozen=True)
class Function:
    name: str
    first_line: int
    lines: int


class SourceFile:
    """One text file. `path` is relative to the top of the tree, with slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.splitlines()
        self._code_lines = None

    @property
    def is_code(self):
        return self.path.endswith(CODE_SUFFIXES)

    @property
    def is_header(self):
        return self.path.endswith(".h")

    @property
    def is_test(self):
        """A test, or what only tests include."""
        name = self.path.rsplit("/", 1)[-1]
        return bool(re.search(r"(_test\.cc|_conformance\.(h|cc)|^test_\w+\.(h|cc))$", name)) or (
            self.path.startswith("tests/")
        )

    @property
    def code_lines(self):
        """C++ lines with comments and the insides of literals blanked; same count and columns."""
        if self._code_lines is None:
            self._code_lines = blank_comments(self.text).splitlines()
        return self._code_lines

    def includes(self):
        """(line number, path, quoted) of every #include."""
        for number, line in enumerate(self.lines, 1):
            match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
            if match:
                yield number, match[2], match[1] == '"'


_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s"]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+'""",
    re.DOTALL,
)


def blank_comments(text):
    def blank(match):
        token = match[0]
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + re.sub(r"[^\n]", " ", token[1:-1]) + token[-1]

    return _TOKEN.sub(blank, text)


def functions_of(file):
    """Function definitions at namespace or class scope, found by their braces."""
    text = blank_comments(file.text)
    text = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.M)
    found, scopes, head_start = [], [], 0
    for match in re.finditer(r"[{};]", text):
        position, mark = match.start(), match[0]
        inside_function = any(kind == "function" for kind, _ in scopes)
        if mark == "{":
            kind = "block" if inside_function else _kind_of(text[head_start:position])
            scopes.append((kind, head_start))
        elif mark == "}" and scopes:
            kind, opened = scopes.pop()
            if kind == "block" and not inside_function:
                continue  # a braced initializer: the declaration that it stands in goes on
            if kind == "function":
                found.append(_function(text, opened, position))
        head_start = match.end()
    return found


def _function(text, head_start, end):
    start = head_start + len(text[head_start:]) - len(text[head_start:].lstrip())
    first = text.count("\n", 0, start) + 1
    return Function(_name_of(text[start:end]), first, text.count("\n", 0, end) + 2 - first)


def _kind_of(head):
    if re.search(r"[\w>]$", head):
        return "block"  # name{…}, as clang-format writes an initializer
    head = re.sub(r"\b(public|private|protected)\s*:", "", head).strip()
    if re.search(r"\b(namespace|class|struct|union|enum|extern)\b[^()=]*$", head) or not head:
        return "scope"
    return "function" if ")" in head and not re.search(r"=\s*$", head) else "block"


def _name_of(head):
    match = re.search(r"([~\w:]+|operator\s*\S+)\s*\(", head)
    return match[1] if match else "?"


class Tree:
    def __init__(self, root):
        self.root = root
        self.odd_code = []
        self.files = sorted(self._load(), key=lambda file: file.path)

    def _load(self):
        for folder, subfolders, names in os.walk(self.root):
            subfolders[:] = [name for name in subfolders if name not in SKIPPED_FOLDERS]
            for name in names:
                path = os.path.join(folder, name)
                if name.endswith(ODD_CODE_SUFFIXES):
                    self.odd_code.append(os.path.relpath(path, self.root).replace(os.sep, "/"))
                if not (name.endswith(TEXT_SUFFIXES) or self._is_script(path)):
                    continue
                with open(path, encoding="utf-8") as stream:
                    yield SourceFile(os.path.relpath(path, self.root).replace(os.sep, "/"), stream.read())

    @staticmethod
    def _is_script(path):
        if not os.path.isfile(path):
            return False
        with open(path, "rb") as stream:
            return stream.read(2) == b"#!"

    def code(self, *prefixes):
        return [f for f in self.files if f.is_code and f.path.startswith(prefixes or ("",))]
