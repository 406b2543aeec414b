"""`lifecycle run --from`: what the summaries and the explanations say of it."""

from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lifecycle.cli.app import app
from tests.cli.stories import POLICY, START, history, line, write

FROM = START + timedelta(days=80)
LOST = [
    line("anna", "1", "need.stated", START, need="n1"),
    line("anna", "2", "decision.made", START + timedelta(days=1), need="n1", outcome="elsewhere"),
]


def run(path: Path, lines: list[str], *words: str, days: float = 100, code: int = 0) -> Result:
    until = (START + timedelta(days=days)).isoformat()
    given = ["--events", str(write(path / "h.jsonl", lines)), "--db", f"sqlite:///{path}/a.db", "--until", until]
    result = CliRunner().invoke(app, ["run", "--policy", str(POLICY), *given, *words])
    assert result.exit_code == code, result.output
    return result


def ask(path: Path, *words: str) -> str:
    result = CliRunner().invoke(app, [*words, "--db", f"sqlite:///{path}/a.db"])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_summary_and_the_count_say_how_much_it_was(tmp_path: Path) -> None:
    result = run(tmp_path, history(200), "--from", FROM.isoformat(), "--spread", "10")
    told = "66 tasks due before 2026-05-21 10:00 UTC, when we began, not asked; 51 of them still owed and asked anew"
    assert f"{told} from then on, over 10 days." in result.output
    assert told in ask(tmp_path, "people", "count")
    assert '"asked_anew":51' in ask(tmp_path, "people", "count", "--json")


def test_before_the_moment_the_summary_says_that_time_has_not_come_there(tmp_path: Path) -> None:
    result = run(tmp_path, history(200), "--from", FROM.isoformat(), days=70)
    assert "What is due before 2026-05-21 10:00 UTC is not asked; time has not come there yet." in result.output


def test_without_it_nothing_is_said(tmp_path: Path) -> None:
    assert "when we began" not in run(tmp_path, history()).output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "soon"], '--from is a time with a zone such as 2026-03-01T09:30:00Z, got "soon"'),
        (["--spread", "3"], "give --from too"),
        (["--from", "2026-03-01T00:00:00Z", "--spread", "0"], "--spread"),
    ],
)
def test_used_wrongly(tmp_path: Path, words: list[str], message: str) -> None:
    assert message in run(tmp_path, [], *words, code=2).output


def test_explanations_say_it_before_at_and_after_the_moment(tmp_path: Path) -> None:
    """What will end, what ended, what waits for its day; and of a loss what comes anew."""
    begin = (START + timedelta(days=50)).isoformat()
    run(tmp_path, LOST, "--from", begin, "--spread", "120", days=49)
    standing = ask(tmp_path, "explain", "--person", "anna")
    assert "it is withdrawn: it was due before we began on 2026-04-21 10:00 UTC, and is not asked." in standing
    run(tmp_path, LOST, days=50.5)
    standing = ask(tmp_path, "explain", "--person", "anna")
    assert "for its day, as it was due before we began on 2026-04-21 10:00 UTC and is still owed." in standing
    why = ask(tmp_path, "explain", "--person", "anna", "--why-not", "ask_after")
    assert "was to be asked" in why
    assert "It was due before we began on 2026-04-21 10:00 UTC, so it is not asked." in why
