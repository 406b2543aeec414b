"""The house rules that no linter knows, checked over the whole tree; every violation is printed once.

A rule is set aside where there is a reason, on the first lines of what it concerns (for `long-function`
from the line above `def` to its first statement, for a module in its first ten, else on the line itself):

    def draw_the_table(...):  # tidy: allow long-function because it is one template
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

MODULE_LINES = 300
FUNCTION_LINES = 50
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "misc"}
CLOCK_READS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}
CLOCK_READS |= {"time.localtime", "time.gmtime"}
ADVICE = {
    "long-module": "split it: one idea per module",
    "long-function": "name its steps and make each a function",
    "module-name": "name it for the idea in it",
    "module-docstring": "open with what it is, what it is not and who calls it",
    "clock": "take the time as an argument, or a Clock from lifecycle/clock.py",
    "swallowed": "name the error that is expected, or let it through",
    "sleep": "wait on a signal with a time-out, or move the clock",
    "host-path": "take the path from an argument or a temporary folder",
    "syntax": "write it as Python 3.11 reads it",
    "allow": "write `# tidy: allow <rule> because <reason>` with a rule that exists",
}
ALLOW = re.compile(r"# tidy: allow(?: (?P<rule>[\w-]+))?(?: because (?P<reason>\S.*))?")
# Written in two parts, so that this file does not accuse itself.
HOST_PATH = re.compile(r"(?<![\w.~$}-])/" + r"(?:work|root)/")


def violations(root: Path) -> list[str]:
    """Every violation below root, as `path:line: rule - what to do`, sorted and each once."""
    found = set()
    for path in project_files(root):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # data, not text
        name = path.relative_to(root).as_posix()
        allowed = Allowed(text if name.endswith(".py") else "")
        for line, rule, what in [*in_text(name, text), *in_python(name, text)]:
            if not allowed(rule, line):
                found.add((name, line, rule, what))
        if name != "tests/test_tidy.py":
            found.update((name, line, "allow", "no such rule, or no reason") for line in allowed.unclear)
    return [f"{name}:{line}: {rule}, {what} - {ADVICE[rule]}" for name, line, rule, what in sorted(found)]


class Allowed:
    """The exemptions of one file: may this rule be broken at this line?"""

    def __init__(self, text: str) -> None:
        self.unclear: list[int] = []
        self._lines: dict[int, str] = {}
        self._first_statements: dict[int, int] = {}
        for number, line in enumerate(text.splitlines(), 1):
            if match := ALLOW.search(line):
                if match["rule"] in ADVICE and match["reason"]:
                    self._lines[number] = match["rule"]
                else:
                    self.unclear.append(number)
        for node in ast.walk(parsed(text)) if self._lines else ():
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._first_statements[node.lineno] = node.body[0].lineno

    def __call__(self, rule: str, line: int) -> bool:
        first, last = line, line
        if rule == "long-function":
            first, last = line - 1, self._first_statements.get(line, line)
        elif rule in {"long-module", "module-name", "module-docstring"}:
            first, last = 1, 10
        return any(self._lines.get(number) == rule for number in range(first, last + 1))


def project_files(root: Path) -> Iterator[Path]:
    """What is or could be committed: git's view where there is one, otherwise all but caches."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(listing, cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        yield from (path for path in root.rglob("*") if path.is_file() and not generated(path.relative_to(root)))
        return
    paths = (root / name for name in done.stdout.split("\0") if name)
    yield from (path for path in paths if path.is_file())


def generated(path: Path) -> bool:
    """Whether a path lies in .venv, in a cache or in the demo's output."""
    hidden = any(part.startswith(".") and part != ".ci" for part in path.parent.parts)
    return hidden or bool({"__pycache__", "demo-out"} & set(path.parts))


def in_text(name: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Violations that any file can have."""
    if name in {"requirements.txt", "requirements-dev.txt", "requirements-bench.txt"}:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if match := HOST_PATH.search(line):
            yield number, "host-path", f"{match[0]} is a path of one machine"


def in_python(name: str, text: str) -> Iterator[tuple[int, str, str]]:
    """Violations that only a Python file can have."""
    if not name.endswith(".py"):
        return
    try:
        ast.parse(text, feature_version=(3, 11))
    except SyntaxError as error:
        yield error.lineno or 1, "syntax", error.msg
        return
    tree, ours = parsed(text), name.startswith("lifecycle/")
    if Path(name).stem in FORBIDDEN_NAMES:
        yield 1, "module-name", f"{Path(name).stem} says nothing"
    yield from swallowed(tree)
    if ours:
        yield from sizes(tree, text)
        if ast.get_docstring(tree) is None:
            yield 1, "module-docstring", "there is none"
    if ours and name != "lifecycle/clock.py":
        yield from ((line, "clock", f"{call} reads the clock") for line, call in calls(tree) if call in CLOCK_READS)
    if name.startswith("tests/"):
        sleeps = {"time.sleep", "asyncio.sleep"}
        yield from ((line, "sleep", f"{call} in a test") for line, call in calls(tree) if call in sleeps)


def sizes(tree: ast.Module, text: str) -> Iterator[tuple[int, str, str]]:
    """Modules and functions that are too long."""
    if (lines := len(text.splitlines())) > MODULE_LINES:
        yield 1, "long-module", f"{lines} lines, at most {MODULE_LINES}"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield node.lineno, "long-function", f"{node.name} has {lines} lines, at most {FUNCTION_LINES}"


def swallowed(tree: ast.Module) -> Iterator[tuple[int, str, str]]:
    """Handlers of every error that do nothing about it, and `suppress` of every error."""
    every = {"Exception", "BaseException"}
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and (node.type is None or every & names_in(node.type)):
            if all(isinstance(statement, ast.Pass | ast.Continue) or is_constant(statement) for statement in node.body):
                yield node.lineno, "swallowed", "every error is caught and nothing is done"
        elif isinstance(node, ast.Call) and dotted(node.func).endswith("suppress"):
            yield from (
                (node.lineno, "swallowed", "every error is suppressed")
                for argument in node.args
                if every & names_in(argument)
            )


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and `module.function` of each call, whatever the import: `now()` may be datetime.now."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            known |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            head, dot, rest = dotted(node.func).partition(".")
            full = known.get(head, head) + dot + rest
            yield node.lineno, ".".join(full.split(".")[-2:])


def dotted(node: ast.expr) -> str:
    """`a.b.c` of an expression that is only names, otherwise nothing."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (left := dotted(node.value)):
        return f"{left}.{node.attr}"
    return ""


def names_in(node: ast.expr) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


def is_constant(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def parsed(text: str) -> ast.Module:
    """The syntax tree; empty for what is not Python, which `in_python` reports."""
    try:
        return ast.parse(text)
    except SyntaxError:
        return ast.Module([], [])


def test_the_tree_is_tidy() -> None:
    found = violations(ROOT)
    assert not found, "\n" + "\n".join(found)


LONG = "def long():\n" + "    x = 1\n" * 60
DOC = '"""Doc."""\n'


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("lifecycle/a.py", DOC, []),
        ("lifecycle/a.py", "x = 1\n", ["1: module-docstring"]),
        ("lifecycle/a.py", DOC + "x = 1\n" * 300, ["1: long-module"]),
        ("lifecycle/a.py", "# tidy: allow long-module because why\n" + DOC + "x = 1\n" * 300, []),
        ("lifecycle/a.py", DOC + LONG, ["2: long-function"]),
        ("lifecycle/a.py", DOC + LONG.replace(":", ":  # tidy: allow long-function because why", 1), []),
        (
            "lifecycle/a.py",
            DOC + LONG.replace(":", ":  # tidy: allow long-function", 1),
            ["2: allow", "2: long-function"],
        ),
        ("lifecycle/a.py", DOC + "# tidy: allow everything because why\n", ["2: allow"]),
        ("lifecycle/a.py", DOC + "def f[T](x: T) -> T: ...\n", ["2: syntax"]),
        ("lifecycle/utils.py", DOC, ["1: module-name"]),
        ("lifecycle/a.py", DOC + "import datetime as d\nd.datetime.now()\n", ["3: clock"]),
        ("lifecycle/a.py", DOC + "from datetime import datetime\ndatetime.now(tz)\n", ["3: clock"]),
        ("lifecycle/a.py", DOC + "from time import time\ntime()\n", ["3: clock"]),
        ("lifecycle/a.py", DOC + "import time\ntime.monotonic()\n", []),
        ("lifecycle/a.py", DOC + "clock.now()\n", []),
        ("lifecycle/clock.py", DOC + "import time\ntime.time()\n", []),
        ("lifecycle/a.py", DOC + "try:\n    f()\nexcept Exception:\n    pass\n", ["4: swallowed"]),
        ("lifecycle/a.py", DOC + "try:\n    f()\nexcept (KeyError, Exception):\n    ...\n", ["4: swallowed"]),
        ("lifecycle/a.py", DOC + "try:\n    f()\nexcept KeyError:\n    pass\n", []),
        ("lifecycle/a.py", DOC + "with contextlib.suppress(Exception):\n    f()\n", ["2: swallowed"]),
        ("tests/test_a.py", "import time\ntime.sleep(1)\n", ["2: sleep"]),
        ("tests/test_a.py", "import time\ntime.sleep(1)  # tidy: allow sleep because why\n", []),
        ("docs/a.md", "See /" + "work/main.\n", ["1: host-path"]),
        ("docs/a.md", "See /" + "root/.cache.\n", ["1: host-path"]),
        ("docs/a.md", "See docs/work/plan.md.\n", []),
        ("data/a.bin", "\udcff", []),
    ],
)
def test_each_rule_sees_what_it_should(tmp_path: Path, name: str, text: str, expected: list[str]) -> None:
    path = tmp_path / name
    path.parent.mkdir()
    path.write_bytes(text.encode(errors="surrogateescape"))
    found = violations(tmp_path)
    assert [line.partition(":")[2].partition(",")[0] for line in found] == expected
    assert all(line.startswith(f"{name}:") and " - " in line for line in found)
