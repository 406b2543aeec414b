"""Mutations of the default policy: each breaks one guarantee, and each is refused by a finding that names the place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from lifecycle.policies import shipped_policy
from lifecycle.rules.language.findings import HasFindings
from lifecycle.rules.language.load import load_policy
from lifecycle.rules.proof.check import check_policy
from lifecycle.rules.proof.findings import CheckFinding
from tests.seeds import seeds

Tree = dict[str, Any]
DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
ORIGINAL: Tree = yaml.load(shipped_policy(), Loader=LOADER)
STAGES = [(track, stage) for track, body in ORIGINAL["tracks"].items() for stage in body["stages"]]


def stage_of(tree: Tree, place: tuple[str, str]) -> Tree:
    return tree["tracks"][place[0]]["stages"][place[1]]


def of(wanted: Callable[[Tree], bool]) -> list[tuple[str, str]]:
    """Return the stages of the default policy that are so."""
    return [place for place in STAGES if wanted(stage_of(ORIGINAL, place))]


ONLY_TIME = of(lambda stage: "later" in stage and not {"review", "watched_by"} & stage.keys())
ONLY_AFTER = [place for place in ONLY_TIME if all("after" in move for move in stage_of(ORIGINAL, place)["later"])]
RESTS = of(lambda stage: "later" not in stage)
LOSSES = of(lambda stage: stage.get("loss", False))


def text_of(tree: Tree) -> str:
    return yaml.dump(tree, Dumper=DUMPER, sort_keys=False, width=100_000, allow_unicode=True)


def found(tree: Tree) -> list[tuple[str, str, str]]:
    """Return (code, line of the file, message) of what refuses a policy, by the loader or by the checker."""
    text = text_of(tree)
    lines = text.splitlines()
    try:
        findings: list[Any] = [each for each in check_policy(load_policy(text)) if each.severity == "refuses"]
    except HasFindings as error:
        findings = list(error.found)
    return [(each.code, lines[each.line - 1], each.message) for each in findings]


def warned(tree: Tree) -> list[CheckFinding]:
    return [each for each in check_policy(load_policy(text_of(tree))) if each.severity == "warns"]


def changed(change: Callable[[Tree], object]) -> Tree:
    tree = copy.deepcopy(ORIGINAL)
    change(tree)
    return tree


def codes(tree: Tree) -> set[str]:
    return {code for code, _, _ in found(tree)}


def refused_at(tree: Tree, code: str, name: str) -> None:
    """Assert that a finding of this code names the place: in its message or in the line that it points to."""
    findings = found(tree)
    assert any(each == code and (name in message or name in line) for each, line, message in findings), findings


def test_the_shipped_policy_has_no_finding() -> None:
    """Nothing refuses the default policy, and nothing in it looks unmeant."""
    assert [str(each) for each in check_policy(load_policy(shipped_policy()))] == []


def test_written_out_again_the_shipped_policy_is_not_refused() -> None:
    """The mutations below start from a policy that is proved, so that each finding is theirs."""
    assert found(ORIGINAL) == []


@pytest.mark.parametrize("place", seeds(ONLY_TIME, quick=3), ids=".".join)
def test_a_dropped_timer_is_refused(place: tuple[str, str]) -> None:
    """Without its timed moves nothing moves a person out of the stage but news."""
    refused_at(changed(lambda tree: stage_of(tree, place).pop("later")), "no-way-out", place[1])


@pytest.mark.parametrize("place", seeds(RESTS, quick=3), ids=".".join)
def test_a_dropped_rest_is_refused(place: tuple[str, str]) -> None:
    """A stage that time does not leave is a rest only with a review or somebody who watches."""

    def drop(tree: Tree) -> None:
        for key in ("review", "watched_by"):
            stage_of(tree, place).pop(key, None)

    refused_at(changed(drop), "no-way-out", place[1])


@pytest.mark.parametrize("place", seeds(ONLY_TIME, quick=3), ids=".".join)
def test_a_guard_on_the_only_way_out_is_refused(place: tuple[str, str]) -> None:
    """A guarded move may never come, so it proves nothing."""

    def guard(tree: Tree) -> None:
        for move in stage_of(tree, place)["later"]:
            move["when"] = {"fact.bought": True}

    refused_at(changed(guard), "no-way-out", place[1])


@pytest.mark.parametrize("place", seeds(STAGES, quick=3), ids=".".join)
def test_a_misspelled_stage_is_refused(place: tuple[str, str]) -> None:
    """Whatever leads to a stage, or starts with it, must name it as it is called."""

    def misspell(tree: Tree) -> None:
        stages = tree["tracks"][place[0]]["stages"]
        tree["tracks"][place[0]]["stages"] = {
            f"{name}x" if name == place[1] else name: body for name, body in stages.items()
        }

    refused_at(changed(misspell), "unknown-stage", place[1])


@pytest.mark.parametrize("place", seeds(dict(STAGES).items(), quick=3), ids=".".join)
def test_a_stage_that_nothing_leads_to_is_refused(place: tuple[str, str]) -> None:
    """A copy of a stage under a new name is a stage that nobody reaches."""

    def copy_stage(tree: Tree) -> None:
        tree["tracks"][place[0]]["stages"]["island"] = {
            key: copy.deepcopy(value) for key, value in stage_of(tree, place).items() if key != "formerly"
        }

    refused_at(changed(copy_stage), "unreachable", "island")


@pytest.mark.parametrize("place", seeds(LOSSES, quick=3), ids=".".join)
def test_a_loss_without_its_tasks_is_refused(place: tuple[str, str]) -> None:
    """After a loss somebody is asked for within a year."""
    refused_at(changed(lambda tree: stage_of(tree, place).pop("tasks")), "loss", place[1])


@pytest.mark.parametrize("place", seeds(LOSSES, quick=3), ids=".".join)
def test_guards_on_the_tasks_of_a_loss_are_refused(place: tuple[str, str]) -> None:
    """A guarded task may never open, so it is no follow-up."""

    def guard(tree: Tree) -> None:
        for task in stage_of(tree, place)["tasks"].values():
            task["when"] = {"fact.bought": True}

    refused_at(changed(guard), "loss", place[1])


@pytest.mark.parametrize("place", seeds(ONLY_TIME, quick=3), ids=".".join)
def test_a_loop_that_never_waits_a_day_is_refused(place: tuple[str, str]) -> None:
    """A stage that goes to itself every hour would turn for ever."""

    def turn(tree: Tree) -> None:
        stage_of(tree, place)["later"] = [{"after": "1 hour", "to": place[1]}]

    refused_at(changed(turn), "loop-too-fast", place[1])


@pytest.mark.parametrize("place", seeds(ONLY_TIME, quick=3), ids=".".join)
def test_a_loop_that_asks_for_nothing_is_refused(place: tuple[str, str]) -> None:
    """Time alone going round without a task is silence."""

    def turn(tree: Tree) -> None:
        stage_of(tree, place).pop("tasks", None)
        stage_of(tree, place)["later"] = [{"after": "30 days", "to": place[1]}]

    refused_at(changed(turn), "loop-without-task", place[1])


@pytest.mark.parametrize("place", seeds(ONLY_AFTER, quick=3), ids=".".join)
def test_two_moves_at_one_moment_are_refused(place: tuple[str, str]) -> None:
    """Nothing decides between two unguarded moves that come at one moment."""

    def twice(tree: Tree) -> None:
        moves = stage_of(tree, place)["later"]
        moves.append({**moves[0], "to": tree["tracks"][place[0]]["start"], "name": "again"})

    refused_at(changed(twice), "undecided", place[1])


def lists(tree: Tree) -> Iterator[tuple[str, list[Any]]]:
    """Yield every list that decides with two guarded lines or more: where it stands, and its lines."""
    for name, fact in tree["facts"].items():
        if "choose" in fact:
            yield f"the fact {name}", fact["choose"]
    yield "lanes", tree["lanes"]
    for name, track in tree["tracks"].items():
        for where, body in [(name, track), *track["stages"].items()]:
            for key, choices in body.get("upon", {}).items():
                yield f"{where} upon {key}", choices if isinstance(choices, list) else []


LISTS = [where for where, lines in lists(ORIGINAL) if sum("when" in line for line in lines) > 1]


@pytest.mark.parametrize("where", seeds(LISTS, quick=3))
def test_two_lines_that_fit_the_same_are_refused(where: str) -> None:
    """The second line fits what the first one fits, so nothing decides between them."""

    def overlap(tree: Tree) -> None:
        lines = next(lines for place, lines in lists(tree) if place == where)
        lines[1]["when"] = copy.deepcopy(lines[0]["when"])

    tree = changed(overlap)
    refused_at(tree, "overlap", where)
    refused_at(tree, "hidden", where)


@pytest.mark.parametrize("where", seeds(LISTS, quick=3))
def test_a_line_without_its_guard_is_refused(where: str) -> None:
    """A line that lost its `when` hides all that follow."""

    def drop(tree: Tree) -> None:
        next(lines for place, lines in lists(tree) if place == where)[0].pop("when")

    assert "hidden" in codes(changed(drop))


def test_prospects_before_customers_are_refused() -> None:
    """No lane for customers stands below one that is not."""

    def turn_round(tree: Tree) -> None:
        tree["lanes"] = [
            {"is": "prospect", "when": {"fact.bought": False}},
            {"is": "customer", "customers": True},
        ]

    refused_at(changed(turn_round), "customers-first", "prospect")


@pytest.mark.parametrize(("type_name", "field"), [("promise.made", "promised_for"), ("contract.signed", "renewal_on")])
def test_a_date_without_a_limit_is_refused(type_name: str, field: str) -> None:
    """A wait for a date that may lie any time ahead may never end."""

    def unlimited(tree: Tree) -> None:
        tree["touchpoints"][type_name]["data"][field] = "date"

    refused_at(changed(unlimited), "no-limit", field)


def test_a_date_that_need_not_be_there_is_refused() -> None:
    """A wait for an optional date may never end."""

    def optional(tree: Tree) -> None:
        body = tree["touchpoints"]["promise.made"]
        body.setdefault("optional", {})["promised_for"] = body["data"].pop("promised_for")

    refused_at(changed(optional), "no-date", "promised_for")


def watching() -> str:
    return next(stage["watched_by"] for place in STAGES if "watched_by" in (stage := stage_of(ORIGINAL, place)))


def test_a_watching_track_that_begins_with_some_types_only_is_refused() -> None:
    """Who watches everybody begins with whatever is known first."""
    tree = changed(lambda tree: tree["tracks"][watching()].update(begins=["inquiry.made"]))
    refused_at(tree, "watch", watching())


def test_a_watching_track_without_a_start_is_refused() -> None:
    """A track that watches must begin somewhere."""
    assert "missing" in codes(changed(lambda tree: tree["tracks"][watching()].pop("start")))


def test_a_watching_track_that_is_watched_itself_is_refused() -> None:
    """Somebody must look at the person in the end."""
    stages = ORIGINAL["tracks"][watching()]["stages"]
    resting = next(name for name, stage in stages.items() if "review" in stage)

    def watch(tree: Tree) -> None:
        stage = stage_of(tree, (watching(), resting))
        del stage["review"]
        stage["watched_by"] = watching()

    refused_at(changed(watch), "watch", resting)


def test_a_watching_track_for_each_key_is_refused() -> None:
    """One instance for each need does not watch the person."""

    def keyed(tree: Tree) -> None:
        for place in STAGES:
            if stage_of(tree, place).get("watched_by") == watching():
                stage_of(tree, place)["watched_by"] = "need"

    refused_at(changed(keyed), "watch", "need")


@pytest.mark.parametrize("place", seeds(LOSSES, quick=3), ids=".".join)
def test_a_loss_that_is_not_marked_as_one_is_warned_of_where_its_word_says_so(place: tuple[str, str]) -> None:
    """A stage reached by a word such as elsewhere or leaves, or called lapsed, is probably a loss."""
    tree = changed(lambda tree: stage_of(tree, place).pop("loss"))
    told = [each.message for each in warned(tree) if each.code == "loss-mark"]
    by_word = {"went_elsewhere": "outcome = elsewhere", "leaving": "answer = leaves"}
    if place[1] in by_word:
        assert told == [f'"{place[1]}" is reached by {by_word[place[1]]}, and is not marked as a loss.']
    else:
        named = place[1] in ("lapsed", "turned_away")
        assert told == ([f'"{place[1]}" is called like a loss, and is not marked as one.'] if named else [])
