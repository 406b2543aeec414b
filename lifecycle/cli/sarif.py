"""Findings about a policy as SARIF 2.1.0: what editors and code hosts read to show them beside the lines.

One run, the checker as its tool, a rule for each code that occurs, a result for each finding. Called by
policy_check.py only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from lifecycle.rules.proof.findings import CODES, CheckFinding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
NOT_WRITTEN_RIGHT = "The policy is not written as its notation asks."
"""What is said of a code of the loader."""

_LEVELS: Mapping[str, str] = {"refuses": "error", "warns": "warning"}


def sarif_log(findings: Sequence[CheckFinding], file: PurePath) -> dict[str, Any]:
    """Return the log of one check; `file` is the policy that was loaded."""
    codes = list(dict.fromkeys(each.code for each in findings))
    rules = [{"id": code, "shortDescription": {"text": CODES.get(code, NOT_WRITTEN_RIGHT)}} for code in codes]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": {"name": "lifecycle policy check", "rules": rules}},
                "columnKind": "unicodeCodePoints",
                "results": [_result(each, codes.index(each.code), file) for each in findings],
            }
        ],
    }


def _result(finding: CheckFinding, rule: int, file: PurePath) -> dict[str, Any]:
    sentences = [finding.message, f"Path: {', '.join(finding.path)}." if finding.path else "", finding.advice]
    return {
        "ruleId": finding.code,
        "ruleIndex": rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": " ".join(each for each in sentences if each)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(PurePath(finding.file) if finding.file else file)},
                    "region": {"startLine": finding.line, "startColumn": finding.column},
                }
            }
        ],
        "properties": {"path": list(finding.path), "advice": finding.advice},
    }


def _uri(file: PurePath) -> str:
    """Return a file as a URI reference: relative as it was given, or with its scheme."""
    # A colon in the first segment of a relative reference would read as a scheme, so it is quoted too.
    return file.as_uri() if file.is_absolute() else quote(file.as_posix(), safe="/")
