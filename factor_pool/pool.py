"""The alpha pool as people and MLflow see it. The ledger is the truth; this is its projection.

Publishing is an outbox: whatever the ledger lists as unpublished is written to MLflow,
idempotently, and then marked. Killed at any line, the next call goes on where it was.
"""

import hashlib
import importlib.metadata
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_profile.home import Home
from factor_pool.errors import PoolError
from factor_pool.expression import parse
from factor_pool.ledger import Ledger
from factor_pool.records import Attempt, Member

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "alpha_pool"
ALIAS = "production"
EXPERIMENT = "alpha_pool"
_MEMBER_TAG = "tide.member"
_CONTENT_TAG = "tide.content"
_PACKAGES = ("data_profile", "factor_pool")


class Pool:
    """The accepted factors of one home folder.

    Parameters
    ----------
    home
        Its ledger holds the pool; MLflow is at `MLFLOW_TRACKING_URI`, or SQLite in the home.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self.tracking_uri = os.environ.get("MLFLOW_TRACKING_URI") or home.mlflow_uri

    def members(self) -> list[Member]:
        """Every member ever accepted, in the order of acceptance."""
        if not self._home.ledger.exists():
            return []
        with Ledger(self._home.ledger) as ledger:
            return ledger.members(status=None)

    def rows(self) -> list[dict[str, Any]]:
        """The members as `tide pool list --json` prints them."""
        return [row(member) for member in self.members()]

    def version(self) -> int:
        """Number of changes of the pool so far; 0 for a pool that never had a member."""
        if not self._home.ledger.exists():
            return 0
        with Ledger(self._home.ledger) as ledger:
            return ledger.pool_version()

    def publish_pending(self) -> int:
        """Bring MLflow up to date with the ledger; how many members were published.

        Raises
        ------
        PoolError
            MLflow refused or cannot be reached. Nothing is lost: call again.
        """
        if not self._home.ledger.exists():
            return 0
        with Ledger(self._home.ledger) as ledger, _mlflow_errors():
            pending = ledger.unpublished()
            for member in pending:
                ledger.published(
                    member.id, self._publish(member, ledger.attempt(member.attempt_id))
                )
            active = ledger.members()
            if active:
                self._register(active, ledger.pool_version())
        return len(pending)

    @cached_property
    def _client(self) -> "MlflowClient":
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        logging.getLogger("alembic").setLevel(logging.ERROR)
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.tracking_uri, registry_uri=self.tracking_uri)

    @cached_property
    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        local = self.tracking_uri.startswith("sqlite:")
        place = (self._home.artifacts.absolute() / EXPERIMENT).as_uri() if local else None
        return str(self._client.create_experiment(EXPERIMENT, artifact_location=place))

    def _publish(self, member: Member, attempt: Attempt) -> str:
        """One MLflow run for the member; the run of an earlier, interrupted call is used again."""
        runs = self._client.search_runs(
            [self._experiment], filter_string=f"tags.`{_MEMBER_TAG}` = '{member.id}'", max_results=1
        )
        if runs:
            run_id = str(runs[0].info.run_id)
        else:
            tags = {
                _MEMBER_TAG: member.id,
                "mlflow.note.content": f"{member.hypothesis}\n\n`{member.expression}`",
                "proposer": member.proposer,
                "session": member.session,
                "snapshot": member.snapshot,
                "seed": str(attempt.seed),
                "isolation": str(member.figures.get("isolation")),
                "code_version": importlib.metadata.version("limit-up-tide"),
            }
            run = self._client.create_run(
                self._experiment, tags=tags, run_name=member.expression[:90]
            )
            run_id = str(run.info.run_id)
        for name, value in _figures(member).items():
            self._client.log_metric(run_id, name, value)
        self._client.log_dict(run_id, row(member) | {"figures": member.figures}, "factor.json")
        self._client.set_terminated(run_id)
        return run_id

    def _current(self) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            return self._client.get_model_version_by_alias(MODEL, ALIAS)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise

    def _register(self, active: Sequence[Member], pool_version: int) -> None:
        """A new model version, unless production already holds exactly these members."""
        content = hashlib.sha256(
            json.dumps([[m.id, m.expression] for m in active]).encode()
        ).hexdigest()
        current = self._current()
        if current is not None and current.tags.get(_CONTENT_TAG) == content:
            return
        run_id = str(active[-1].mlflow_run_id)  # published above
        place = f"{MODEL}-{content[:8]}"  # one run may carry several versions
        with tempfile.TemporaryDirectory(dir=self._home.cache) as folder:
            model = Path(folder) / "model"
            _save_model(active, model)
            self._client.log_artifacts(run_id, str(model), place)
        if not self._client.search_registered_models(f"name = '{MODEL}'"):
            self._client.create_registered_model(MODEL, description="Accepted factors of this pool")
        version = self._client.create_model_version(
            MODEL,
            source=f"runs:/{run_id}/{place}",
            run_id=run_id,
            tags={
                _CONTENT_TAG: content,
                "factors": str(len(active)),
                "pool_version": str(pool_version),
            },
        )
        self._client.set_registered_model_alias(MODEL, ALIAS, version.version)


def _save_model(active: Sequence[Member], folder: Path) -> None:
    """Write the pyfunc model of these members into the new folder."""
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    expressions = [parse(member.expression) for member in active]
    fields = sorted({name for expression in expressions for name in expression.fields})
    index = [ColSpec(DataType.datetime, "date"), ColSpec(DataType.string, "instrument")]
    signature = ModelSignature(
        inputs=Schema([*index, *(ColSpec(DataType.double, name) for name in fields)]),
        outputs=Schema([*index, *(ColSpec(DataType.float, m.id) for m in active)]),
    )
    factors = [{"id": m.id, "expression": m.expression} for m in active]
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory(dir=folder.parent) as staging:
        listing = Path(staging) / "pool.json"
        listing.write_text(json.dumps({"factors": factors}, indent=1), encoding="utf-8")
        with warnings.catch_warnings():
            # It asks for type hints on `predict` and an input example; the signature is given.
            warnings.simplefilter("ignore", UserWarning)
            mlflow.pyfunc.save_model(
                str(folder),
                python_model=str(Path(__file__).with_name("pool_model.py")),
                artifacts={"pool": str(listing)},
                signature=signature,
                code_paths=[str(root / package) for package in _PACKAGES],
                pip_requirements=["mlflow", "numba", "numpy", "pandas"],
            )


def row(member: Member) -> dict[str, Any]:
    """A member as `tide pool list --json` prints it."""
    return {
        "id": member.id,
        "expression": member.expression,
        "sign": member.sign,
        "qlib": parse(member.expression).qlib(),
        "status": member.status,
        "accepted_at": member.accepted_at.isoformat(timespec="seconds"),
        "marginal_rank_ic": member.figures.get("marginal_rank_ic"),
        "p_value": member.p_value,
        "hypothesis": member.hypothesis,
        "mlflow_run_id": member.mlflow_run_id,
    }


def _figures(member: Member) -> dict[str, float]:
    numbers = {k: v for k, v in member.figures.items() if isinstance(v, int | float)}
    return {f"search.{name}": float(value) for name, value in numbers.items()} | {
        "confirm.p_value": member.p_value
    }


@contextmanager
def _mlflow_errors() -> Iterator[None]:
    """Name MLflow, and the remedy, in whatever it raises."""
    import sqlalchemy.exc
    from mlflow.exceptions import MlflowException

    try:
        yield
    except (MlflowException, sqlalchemy.exc.SQLAlchemyError, OSError) as error:
        raise PoolError(
            f"MLflow cannot be written: {error}. Check MLFLOW_TRACKING_URI and the disk; "
            "accepted factors are safe in the ledger and are published at the next start"
        ) from error
