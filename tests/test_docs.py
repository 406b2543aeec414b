"""The documents are run: every shell and Python block of the README, and every name that a reference must hold."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lifecycle import errors
from lifecycle.metrics import Metrics

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
BLOCKS = [(match[1], match[2]) for match in BLOCK.finditer(README)]


def shell_blocks() -> list[str]:
    """Return the shell blocks of the README but those that are make targets."""
    return [text for kind, text in BLOCKS if kind == "sh" and not text.startswith("make ")]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder that holds what the blocks of the README use of a checkout after `make demo`."""
    program = tmp_path / ".venv" / "bin" / "lifecycle"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m lifecycle.cli "$@"\n')
    program.chmod(0o755)
    (tmp_path / "lifecycle").symlink_to(ROOT / "lifecycle")
    return tmp_path


def run_shell(script: str, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Run a block in a new shell as it stands, stopping at the first failure; the program is on no PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIFECYCLE_")}
    path = [each for each in kept["PATH"].split(os.pathsep) if not Path(each, "lifecycle").exists()]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**kept, "PATH": os.pathsep.join(path), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = [text.split()[1] for kind, text in BLOCKS if kind == "sh" and text.startswith("make ")]
    assert named == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in named)


@pytest.mark.slow(at_night=True)
def test_the_readme_runs_without_kafka(checkout: Path) -> None:
    """Anna chose somebody else; a month later somebody is asked to find out how she is. Then the policy is looked at."""
    anna, _, policy = shell_blocks()
    shown = run_shell(anna, checkout)
    assert "went_elsewhere" in shown
    assert "taken_care_of" in shown
    shown = run_shell(policy, checkout)
    assert "customer_first.yaml is proved" in shown
    assert "need.met" in shown


@pytest.mark.integration
@pytest.mark.slow
def test_the_readme_runs_with_kafka_and_postgresql(
    checkout: Path, kafka_servers: str, database_url: str, topic_names: object
) -> None:
    """The same on a real broker and a real database, by the commands as they stand there."""
    assert callable(topic_names)
    topics = {
        f"LIFECYCLE_{name.upper()}": topic_names(name)
        for name in ("touchpoints", "outcomes", "tasks", "dead_letters", "group")
    }
    anna, stream, _ = shell_blocks()
    run_shell(anna.partition("lifecycle run")[0], checkout)
    stream = stream.replace("localhost:9092", kafka_servers)
    stream = stream.replace("postgresql://lifecycle@localhost/lifecycle", shlex.quote(database_url))
    stream += f"lifecycle people list --db {shlex.quote(database_url)}\n"
    shown = run_shell(stream, checkout, {**topics, "LIFECYCLE_WEB_PORT": "0"})
    assert "went_elsewhere" in shown


def test_the_python_of_the_readme_prints_what_it_says(tmp_path: Path) -> None:
    (code,) = [text for kind, text in BLOCKS if kind == "python"]
    (wanted,) = [text for kind, text in BLOCKS if kind == "text"]
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == (wanted, "")


def test_every_link_of_the_documents_leads_somewhere() -> None:
    """No page that is not there."""
    for page in [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            assert "://" in target or (page.parent / target).exists(), f"{page.name}: {target}"


def test_commands_can_be_pasted_as_they_stand() -> None:
    """No prompt stands before one, and a page lets the shell find the program before it first calls it."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("README.md")]
    for page in pages:
        found = ""
        for kind, text in ((match[1], match[2]) for match in BLOCK.finditer(page.read_text(encoding="utf-8"))):
            assert kind != "console", f"{page}: {text}"
            assert not text.startswith("$ "), f"{page}: {text}"
            found += text if kind == "sh" else ""
            before, called, _ = found.partition("\nlifecycle ")
            assert not called or 'export PATH="$PWD/.venv/bin:$PATH"' in before, f"{page}: {text}"


def test_every_metric_is_in_the_operations_guide() -> None:
    names = set(re.findall(r"^# HELP (\S+)", Metrics().text().decode(), re.MULTILINE))
    assert names == {name for name in names if f"`{name}`" in OPERATIONS}


def test_every_error_is_in_the_operations_guide_under_its_action() -> None:
    """retry, reject or stop."""
    for name, error in vars(errors).items():
        if isinstance(error, type) and issubclass(error, errors.LifecycleError) and not error.__subclasses__():
            (row,) = [line for line in OPERATIONS.splitlines() if line.startswith(f"| {error.action}:")]
            assert f"`{name}`" in row, f"{name} belongs to {error.action}"
