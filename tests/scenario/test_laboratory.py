"""Batches on workers that fail in every way."""

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from factor_pool.errors import EvaluationError
from factor_pool.evaluation.windows import Window, Windows
from scenario.errors import IsolationError
from scenario.isolation.base import Failure, Isolation
from scenario.laboratory import Laboratory

Reply = dict[str, Any] | Failure


class Scripted(Isolation):
    name = identity = "scripted"
    workers = 4

    def __init__(self, answer: Callable[[Mapping[str, Any]], Reply]) -> None:
        self.answer = answer
        self.jobs: list[Mapping[str, Any]] = []

    def start(self, panels: Mapping[str, Path]) -> None:
        pass

    def run(self, jobs: Sequence[Mapping[str, Any]]) -> list[Reply]:
        self.jobs += jobs
        return [self.answer(job) for job in jobs]

    def self_check(self) -> dict[str, bool]:
        return {}

    def close(self) -> None:
        pass


def laboratory(
    answer: Callable[[Mapping[str, Any]], Reply], cells: int = 90 * 1500
) -> tuple[Laboratory, Scripted]:
    days = [dt.date(2025, month, 1) for month in range(1, 7)]
    windows = Windows(
        Window("search", *days[:2]), Window("confirm", *days[2:4]), Window("sealed", *days[4:]), 1
    )
    isolation = Scripted(answer)
    return Laboratory(isolation, windows, "limit_up_count", cells), isolation


def named(job: Mapping[str, Any]) -> Reply:
    return {"results": [{"figures": {"of": len(text)}} for text in job["expressions"]]}


def test_a_batch_is_split_and_comes_back_in_order() -> None:
    lab, isolation = laboratory(named)
    texts = ["$" + "x" * n for n in range(10)]
    assert lab.measure(texts, ["$pool"]) == [
        {"of": n + 1, "isolation": "scripted"} for n in range(10)
    ]
    assert [len(job["expressions"]) for job in isolation.jobs] == [4, 3, 3]  # for 4 workers
    assert all(job["pool"] == ["$pool"] and job["kind"] == "search" for job in isolation.jobs)
    assert lab.measure([], []) == []


def test_a_job_on_a_large_panel_holds_fewer_expressions() -> None:
    """32 expressions on 5,500 stocks would take all of a job's 60 seconds."""
    lab, isolation = laboratory(named, cells=5_500 * 2_430)
    texts = ["$" + "x" * n for n in range(32)]
    assert [one["of"] for one in lab.measure(texts, [])] == [n + 1 for n in range(32)]
    assert [len(job["expressions"]) for job in isolation.jobs] == [4] * 8
    lab, isolation = laboratory(named, cells=10**9)
    lab.measure(texts, [])
    assert len(isolation.jobs) == 32


def test_one_bad_expression_costs_no_other_its_figures() -> None:
    def answer(job: Mapping[str, Any]) -> Reply:
        if "$bad" in job["expressions"]:
            return Failure("timeout", "ran past 60 s")
        return named(job)

    lab, _ = laboratory(answer)
    results = lab.measure(["$a", "$bad", "$b", "$c", "$d", "$e", "$f", "$g"], [])
    assert [isinstance(one, EvaluationError) for one in results] == [False, True] + [False] * 6
    assert "timeout" in str(results[1])


def test_an_expression_without_figures_is_an_error() -> None:
    lab, _ = laboratory(lambda job: {"results": [{"error": "no value"}]})
    with pytest.raises(EvaluationError, match="no value"):
        lab.search("$a", [])


@pytest.mark.parametrize("reply", [{}, {"results": []}, {"results": [1]}, {"results": "many"}])
def test_a_worker_that_talks_of_something_else_is_no_sandbox(reply: Reply) -> None:
    lab, _ = laboratory(lambda job: reply)
    with pytest.raises(IsolationError, match="--build-image"):
        lab.search("$a", [])


def test_confirm() -> None:
    lab, isolation = laboratory(lambda job: {"results": [{"daily": [0.1, None, -1]}]})
    assert lab.confirm("$a", ["$p"]) == [0.1, None, -1]
    (job,) = isolation.jobs
    assert (job["kind"], job["start"], job["end"]) == ("confirm", "2025-03-01", "2025-04-01")


@pytest.mark.parametrize("daily", [None, [True], ["0.1"], "long"])
def test_confirm_takes_numbers_only(daily: object) -> None:
    lab, _ = laboratory(lambda job: {"results": [{"daily": daily}]})
    with pytest.raises(EvaluationError):
        lab.confirm("$a", [])
