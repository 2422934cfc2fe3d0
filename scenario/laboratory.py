"""Measuring expressions on the isolated workers: batches in, figures or a reason out."""

from collections.abc import Mapping, Sequence
from typing import Any

from factor_pool.errors import EvaluationError
from factor_pool.evaluation.windows import Windows
from scenario.errors import IsolationError
from scenario.isolation.base import Failure, Isolation

_LARGEST_JOB = 32


class Laboratory:
    """Figures of the search window, and the one test on the confirm window.

    Parameters
    ----------
    isolation
        Started with the panels "search" and "confirm".
    windows
        Where the confirm window lies.
    label
        What factors should foretell.
    """

    def __init__(self, isolation: Isolation, windows: Windows, label: str) -> None:
        self._isolation = isolation
        self._confirm = windows.confirm
        self._label = label

    def measure(
        self, texts: Sequence[str], pool: Sequence[str]
    ) -> list[Mapping[str, Any] | EvaluationError]:
        """Search figures of each text against a pool, or why it has none; in order.

        Beside what `Yardstick.figures` gives, `isolation` says what ran it.

        A batch goes out in one job for each worker, or more. Where a job fails, its expressions go
        out again one by one, so that one bad expression costs no other its figures.
        """
        size = min(_LARGEST_JOB, -(-len(texts) // self._isolation.workers)) or 1
        parts = [texts[i : i + size] for i in range(0, len(texts), size)]
        replies = self._isolation.run([self._job("search", part, pool) for part in parts])
        results: list[Mapping[str, Any] | EvaluationError] = []
        for part, reply in zip(parts, replies, strict=True):
            if isinstance(reply, Failure) and len(part) > 1:
                for text in part:
                    results += self.measure([text], pool)
            else:
                results += [self._figures(one) for one in _results(reply, len(part))]
        return results

    def search(self, text: str, pool: Sequence[str]) -> Mapping[str, Any]:
        """Search figures of one expression.

        Raises
        ------
        EvaluationError
            It has none.
        """
        (result,) = self.measure([text], pool)
        if isinstance(result, EvaluationError):
            raise result
        return result

    def confirm(self, text: str, pool: Sequence[str]) -> list[float | None]:
        """What an expression adds in each session of the confirm window.

        Raises
        ------
        EvaluationError
            It cannot be evaluated there.
        """
        bounds = {"start": str(self._confirm.start), "end": str(self._confirm.end)}
        (reply,) = self._isolation.run([self._job("confirm", [text], pool) | bounds])
        (result,) = _results(reply, 1)
        daily = result.get("daily")
        if not isinstance(daily, list) or not all(x is None or _number(x) for x in daily):
            raise EvaluationError(str(result.get("error", "the worker gave no daily figures")))
        return daily

    def _figures(self, result: Mapping[str, Any]) -> Mapping[str, Any] | EvaluationError:
        figures = result.get("figures")
        if isinstance(figures, dict):
            return figures | {"isolation": self._isolation.identity}
        return EvaluationError(str(result.get("error", "the worker gave no figures"))[:500])

    def _job(self, kind: str, texts: Sequence[str], pool: Sequence[str]) -> dict[str, Any]:
        return {
            "kind": kind,
            "expressions": list(texts),
            "pool": list(pool),
            "label": self._label,
        }


def _results(reply: Mapping[str, Any] | Failure, count: int) -> list[Mapping[str, Any]]:
    """One mapping for each expression of a job, whatever the worker said."""
    if isinstance(reply, Failure):
        return [{"error": f"{reply.kind}: {reply.message}"}] * count
    results = reply.get("results")
    if (
        not isinstance(results, list)
        or len(results) != count
        or not all(isinstance(one, dict) for one in results)
    ):
        raise IsolationError(
            f"a worker answered {count} expressions with something else; its image may be of "
            "another version: tide doctor --build-image"
        )
    return results


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
