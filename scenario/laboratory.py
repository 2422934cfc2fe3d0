"""Measuring expressions on the isolated workers: batches in, figures or a reason out."""

from collections.abc import Mapping, Sequence
from typing import Any

from factor_pool.errors import EvaluationError
from factor_pool.evaluation.windows import Windows
from scenario.errors import IsolationError
from scenario.isolation.base import Failure, Isolation

LARGEST_JOB = 32
"""Expressions in a job."""

JOB_CELLS = 60_000_000
"""Sessions x instruments x expressions in a job. An expression's search figures take 0.13 s of a
core per million cells, so that such a job takes 8 s: far from its limit of 60 s on a machine that
is busy, and long beside the 10 ms that it costs to carry it to a node."""


def job_size(texts: int, workers: int, cells: int) -> int:
    """How many expressions go into one job: a share for every worker but one, of bounded work.

    The other worker is busy with the batch before, or stands aside for the main process. Larger
    shares are cheaper, since every job's process costs as much as five expressions.

    Parameters
    ----------
    texts, workers
        Expressions in the batch, and jobs that run at the same time.
    cells
        Sessions x instruments of the panel they are measured on.

    Examples
    --------
    >>> job_size(60, 4, 90 * 1500), job_size(200, 4, 90 * 1500), job_size(80, 4, 5500 * 2430)
    (20, 32, 4)
    """
    share = -(-texts // max(1, workers - 1))
    return max(1, min(LARGEST_JOB, share, JOB_CELLS // max(1, cells)))


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
    cells
        Sessions x instruments of the search panel, which decide how much goes into a job.
    """

    def __init__(self, isolation: Isolation, windows: Windows, label: str, cells: int) -> None:
        self._isolation = isolation
        self._cells = cells
        self._confirm = windows.confirm
        self._label = label

    def measure(
        self, texts: Sequence[str], pool: Sequence[str]
    ) -> list[Mapping[str, Any] | EvaluationError]:
        """Search figures of each text against a pool, or why it has none; in order.

        Beside what `Yardstick.figures` gives, `isolation` says what ran it.

        A batch goes out in jobs of `job_size`. Where a job fails, its
        expressions go out again one by one, so that one bad expression costs no other its figures.
        """
        amount = -(-len(texts) // job_size(len(texts), self._isolation.workers, self._cells))
        # Neighbours in a batch cost alike: dealt out like cards, all jobs end at about one time.
        parts = [texts[k::amount] for k in range(amount)]
        replies = self._isolation.run([self._job("search", part, pool) for part in parts])
        results: list[Mapping[str, Any] | EvaluationError] = [{}] * len(texts)
        for k, (part, reply) in enumerate(zip(parts, replies, strict=True)):
            if isinstance(reply, Failure) and len(part) > 1:
                results[k::amount] = [self.measure([text], pool)[0] for text in part]
            else:
                results[k::amount] = [self._figures(one) for one in _results(reply, len(part))]
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
