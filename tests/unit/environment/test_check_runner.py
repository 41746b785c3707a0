"""Checks side by side: time limits, faults, shared look-ups."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from machines import a_machine, an_installation

from emotui.environment.checks import CHECKS
from emotui.environment.runner import Check, run_checks
from emotui.environment.subject import Once, Target
from emotui.support.errors import NotFoundError
from emotui.support.finding import Finding, Status
from emotui.support.language import message

TITLE = message("Something")


def well(name: str):
    def run(_subject) -> list[Finding]:
        return [Finding(name, TITLE, Status.OK, TITLE, TITLE)]

    return run


def test_findings_come_in_the_order_of_the_checks() -> None:
    checks = [Check(name, TITLE, well(name)) for name in ("c", "a", "b")]
    assert [finding.id for finding in run_checks(checks, a_machine())] == ["c", "a", "b"]


def test_a_check_that_hangs_becomes_unknown_and_holds_no_other() -> None:
    release = threading.Event()

    def hang(_subject) -> list[Finding]:
        release.wait()
        return []

    checks = [Check("hang", TITLE, hang, limit_s=0.05), Check("well", TITLE, well("well"))]
    try:
        first, second = run_checks(checks, a_machine())
    finally:
        release.set()
    assert (first.id, first.status) == ("hang", Status.UNKNOWN)
    assert str(first.evidence) == "No answer within 0.05 s."
    assert (second.id, second.status) == ("well", Status.OK)


def test_what_the_others_found_is_told_while_one_hangs() -> None:
    release = threading.Event()
    told: list[list[str]] = []

    def wait_until_told(_subject) -> list[Finding]:
        release.wait(20)
        return well("slow")(_subject)

    def seen(findings: list[Finding]) -> None:
        told.append([finding.id for finding in findings])
        release.set()

    checks = [Check("slow", TITLE, wait_until_told), Check("well", TITLE, well("well"))]
    found = run_checks(checks, a_machine(), seen)
    assert told == [["well"]]
    assert [finding.id for finding in found] == ["slow", "well"]


def test_a_check_that_breaks_becomes_unknown_with_the_error_as_evidence() -> None:
    def broken(_subject) -> list[Finding]:
        raise ValueError("odd")

    (finding,) = run_checks([Check("broken", TITLE, broken)], a_machine())
    assert finding.status is Status.UNKNOWN
    assert "ValueError: odd" in str(finding.evidence)


def test_a_look_up_is_made_once_for_all_threads() -> None:
    calls = []
    once = Once(lambda: calls.append(1) or len(calls))
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: once(), range(50))) == {1}


def test_a_look_up_that_failed_fails_the_same_way_again() -> None:
    calls = []

    def absent() -> None:
        calls.append(1)
        raise NotFoundError("gone")

    once = Once(absent)
    for _ in range(2):
        with pytest.raises(NotFoundError, match="gone"):
            once()
    assert len(calls) == 1


@pytest.mark.parametrize("target", Target)
def test_every_check_answers_for_every_task_with_words_for_everything(target: Target) -> None:
    for installation in (None, an_installation(), an_installation("0.18.0"), an_installation("9")):
        for finding in run_checks(CHECKS, a_machine(target, installation=installation)):
            assert "check itself failed" not in str(finding.evidence)
            assert all(map(str, (finding.title, finding.evidence, finding.why)))
            assert finding.status is Status.OK or str(finding.remedy.text)


def test_the_ids_of_the_checks_are_unique() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
