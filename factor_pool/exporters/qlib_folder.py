"""The pool as a folder that stock Qlib runs: `qrun workflow.yaml`.

workflow.yaml    data, factors, label, windows, a LightGBM model, and its signal analysis
custom_ops.py    operators that stock Qlib lacks; it knows nothing of this project
factors.json     the pool with its provenance
README.md        how to run it
"""

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from factor_pool.evaluation.windows import Windows
from factor_pool.exporters import json_file
from factor_pool.expression import custom_ops, parse
from factor_pool.records import Member

LABEL = "Ref($limit_up_count, -1)"
"""The next session's count: the one place where a later session is meant."""
_VALID_SHARE = 0.2

README = """# Alpha pool for Qlib

{count} factors, as stock Qlib expressions. In this folder, with Qlib 0.9.7 and LightGBM installed:

    qrun workflow.yaml

trains a LightGBM model on the search window, predicts the confirm window, and writes its signal
analysis to `mlflow.db` here (`mlflow ui --backend-store-uri sqlite:///mlflow.db`). Sessions after
the confirm window are left alone. `provider_uri` in workflow.yaml names the data: change it when
the folder moves to another machine. The factors were chosen by what they add to the past limit-up
counts and to each other, so their figures alone say little; see factors.json.
"""


def files(
    members: Sequence[Member],
    pool_version: int,
    qlib_dir: Path,
    sessions: np.ndarray,
    windows: Windows,
) -> dict[str, str]:
    """Texts of the folder's files, by name.

    Parameters
    ----------
    members
        The factors.
    pool_version
        Number of changes of the pool so far.
    qlib_dir
        Data in Qlib's format.
    sessions
        datetime64[D] (T,) of that data.
    windows
        Search is trained on (its last fifth validates, purged), confirm is predicted.
    """
    return {
        "workflow.yaml": yaml.safe_dump(
            _workflow(members, qlib_dir, sessions, windows), sort_keys=False, width=10_000
        ),
        "custom_ops.py": inspect.getsource(custom_ops),
        "factors.json": json_file.source(members, pool_version),
        "README.md": README.format(count=len(members)),
    }


def _workflow(
    members: Sequence[Member], qlib_dir: Path, sessions: np.ndarray, windows: Windows
) -> dict[str, Any]:
    return {
        "qlib_init": {
            "provider_uri": str(qlib_dir.absolute()),
            "region": "cn",
            "custom_ops": [
                {"class": operator.__name__, "module_path": "custom_ops.py"}
                for operator in custom_ops.OPERATORS
            ],
            "exp_manager": {
                "class": "MLflowExpManager",
                "module_path": "qlib.workflow.expm",
                "kwargs": {"uri": "sqlite:///mlflow.db", "default_exp_name": "alpha_pool"},
            },
        },
        "experiment_name": "alpha_pool",
        "task": {
            "model": {
                "class": "LGBModel",
                "module_path": "qlib.contrib.model.gbdt",
                "kwargs": {
                    "loss": "mse", "learning_rate": 0.05, "num_leaves": 15, "num_threads": 1,
                },
            },
            "dataset": _dataset(members, sessions, windows),
            "record": [
                {
                    "class": "SignalRecord",
                    "module_path": "qlib.workflow.record_temp",
                    "kwargs": {"model": "<MODEL>", "dataset": "<DATASET>"},
                },
                {
                    "class": "SigAnaRecord",
                    "module_path": "qlib.workflow.record_temp",
                    "kwargs": {"ana_long_short": False, "ann_scaler": 252},
                },
            ],
        },
    }  # fmt: skip


def _dataset(members: Sequence[Member], sessions: np.ndarray, windows: Windows) -> dict[str, Any]:
    """The members' expressions and the label, trained on the search window, tested after it."""
    search, confirm, _ = windows
    days = [str(day) for day in sessions[search.mask(sessions)]]
    border = int(len(days) * (1 - _VALID_SHARE))
    expressions = [parse(member.expression).qlib() for member in members]
    loader = {
        "class": "QlibDataLoader",
        "kwargs": {
            "config": {
                "feature": [expressions, [member.id for member in members]],
                "label": [[LABEL], ["LABEL0"]],
            },
            "freq": "day",
        },
    }
    handler = {
        "class": "DataHandlerLP",
        "module_path": "qlib.data.dataset.handler",
        "kwargs": {
            "instruments": "all",
            "start_time": search.start.isoformat(),
            "end_time": confirm.end.isoformat(),
            "data_loader": loader,
            "learn_processors": [{"class": "DropnaLabel"}],
        },
    }
    return {
        "class": "DatasetH",
        "module_path": "qlib.data.dataset",
        "kwargs": {
            "handler": handler,
            "segments": {
                "train": [days[0], days[border - 1 - windows.purge]],
                "valid": [days[border], days[-1]],
                "test": [confirm.start.isoformat(), confirm.end.isoformat()],
            },
        },
    }
