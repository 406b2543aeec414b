"""`lifecycle policy check`: the proof, for people, programs and editors. What is proved stands in proof/check.py."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from lifecycle import canonical_json
from lifecycle.cli.exits import FAILED, MISUSED, NOT_READ
from lifecycle.cli.options import Json
from lifecycle.cli.output import plural, print_json, say
from lifecycle.cli.sarif import sarif_log
from lifecycle.errors import FileRefused, NotFound, PolicyRefused, SettingsRefused, reason_of
from lifecycle.policies import find_beside
from lifecycle.rules.language.document import MAX_BYTES
from lifecycle.rules.language.findings import Finding, HasFindings, nearest
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.language.policy import Policy
from lifecycle.rules.proof.check import check_policy
from lifecycle.rules.proof.findings import CheckFinding

REFUSED, UNREADABLE = FAILED, MISUSED
"""Exit codes: findings refuse the policy; there is no policy that could be read."""


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The policy, in YAML.")],
    as_json: Json = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="A SARIF 2.1.0 log, for editors and code hosts.")] = False,
) -> None:
    """Prove that nobody is forgotten by a policy, before it runs.

    Each finding has a place, the shortest path from a person's first touchpoint to it, and what to write instead.
    `run` and `worker` refuse what this refuses; warnings refuse nothing.

    Exit code: 0 proved, 1 findings refuse it, 2 it cannot be read.

    \b
    Example:
      lifecycle policy check my_policy.yaml
      lifecycle policy check my_policy.yaml --sarif > findings.sarif
    """
    if as_json and as_sarif:
        raise SettingsRefused("--json and --sarif are two forms of one answer. Give one of them.")
    policy: Policy | None = None
    code = 0
    try:
        policy = load_policy(_text(file), name=str(file), find=find_beside(file))
        findings = check_policy(policy)
    except HasFindings as error:
        findings = _of_loader(error.found)
        code = UNREADABLE if any(each.code in NOT_READ for each in error.found) else REFUSED
    except (NotFound, PolicyRefused) as error:
        findings, code = [_whole_file(str(error), file)], UNREADABLE
    if any(each.severity == "refuses" for each in findings):
        code = code or REFUSED
    if as_sarif:
        typer.echo(canonical_json.dumps(sarif_log(findings, file)))
    elif as_json:
        print_json([_as_data(findings, file, policy, is_proved=code == 0)])
    else:
        _print(findings, file, policy, code)
    raise typer.Exit(code)


def _text(file: Path) -> str:
    """Return the text of a policy, and of one that is too large no more than shows it. Raises FileRefused."""
    try:
        with file.open("rb") as stream:
            body = stream.read(MAX_BYTES + 1)
        return body.decode("utf-8", "replace" if len(body) > MAX_BYTES else "strict")
    except (OSError, UnicodeDecodeError) as error:
        message = f"the policy {file} cannot be read: {reason_of(error)}. Check the path and its encoding (UTF-8)."
        raise FileRefused(message) from error


def _of_loader(found: Sequence[Finding]) -> list[CheckFinding]:
    return [
        CheckFinding(
            code=each.code,
            severity="refuses",
            line=each.line,
            column=each.column,
            message=each.message,
            path=(),
            advice="" if each.known is None else nearest(each.got, each.known),
            file=each.file,
        )
        for each in found
    ]


def _whole_file(message: str, file: Path) -> CheckFinding:
    """Return what is wrong with a file as a whole; its message may begin with the place, which is told apart here."""
    return CheckFinding("unreadable", "refuses", 1, 1, message.removeprefix(f"{file}:1:1: "), (), "")


def _as_data(
    findings: Sequence[CheckFinding], file: Path, policy: Policy | None, *, is_proved: bool
) -> dict[str, object]:
    return {
        "file": str(file),
        "policy": None if policy is None else policy.name,
        "proved": is_proved,
        "findings": [
            {
                "code": each.code,
                "severity": each.severity,
                "file": each.file or str(file),
                "line": each.line,
                "column": each.column,
                "message": each.message,
                "path": list(each.path),
                "advice": each.advice,
            }
            for each in findings
        ],
    }


def _print(findings: Sequence[CheckFinding], file: Path, policy: Policy | None, code: int) -> None:
    for each in findings:
        word = "" if each.severity == "refuses" else "warning: "
        say(f"{each.file or file}:{each.line}:{each.column}: {word}{each.message} [{each.code}]")
        if each.path:
            say(f"  Path: {', '.join(each.path)}")
        if each.advice:
            say(f"  {each.advice}")
    refusing = sum(each.severity == "refuses" for each in findings)
    warnings = plural(len(findings) - refusing, "warning")
    if code == UNREADABLE:
        say(f"{file} cannot be read: {plural(refusing, 'finding')}.")
    elif policy is None or code == REFUSED:
        say(f"{file} is refused: {plural(refusing, 'finding')}, {warnings}.")
    else:
        stages = sum(len(track.stages) for track in policy.tracks.values())
        told = f"{plural(stages, 'stage')} in {plural(len(policy.tracks), 'track')}"
        say(f"{file} is proved: {told}, {warnings if warnings[0] != '0' else 'no finding'}.")
