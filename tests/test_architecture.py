"""The house: rooms import only from the floors below, and from no private part of another room."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
FLOOR = {
    "prompts": 1,
    "data_profile": 1,
    "factor_pool": 2,
    "scenario": 3,
    "predictor": 3,
    "console": 4,
    "tide": 5,
}


def modules() -> list[Path]:
    rooms = [REPOSITORY / room for room in FLOOR if (REPOSITORY / room).is_dir()]
    return [REPOSITORY / "tide.py", *sorted(path for room in rooms for path in room.rglob("*.py"))]


def room_of(path: Path) -> str:
    return path.relative_to(REPOSITORY).parts[0].removesuffix(".py")


def imports(path: Path) -> list[tuple[int, str, list[str]]]:
    """(line, module, names) of every import in a file, wherever it stands."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name, []) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            found.append((node.lineno, node.module or "", [alias.name for alias in node.names]))
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_imports_go_down_the_floors(path: Path) -> None:
    room = room_of(path)
    for line, module, names in imports(path):
        target = module.split(".")[0]
        if target not in FLOOR or target == room:
            continue
        assert FLOOR[target] < FLOOR[room], f"{path}:{line}: {room} may not import {target}"
        private = [n for n in [*module.split("."), *names] if n.startswith("_") and n[1] != "_"]
        assert not private, f"{path}:{line}: {private} is private to {target}"


@pytest.mark.parametrize("room", [room for room in FLOOR if room != "tide"])
def test_room_says_what_it_is(room: str) -> None:
    tree = ast.parse((REPOSITORY / room / "__init__.py").read_text(encoding="utf-8"))
    assert ast.get_docstring(tree)


def test_no_prompt_text_in_code() -> None:
    """Words for a language model live in prompts/; code holds no chat messages."""
    for path in modules():
        if room_of(path) != "prompts":
            assert "You are " not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(
    ("statement", "banned"),
    [
        ("import tide", ["rdagent", "mlflow", "qlib", "pandas", "numba", "litellm", "lightgbm"]),
        ("import factor_pool.expression", ["pandas", "scipy", "numba", "mlflow"]),
        ("import factor_pool.evaluation.jobs", ["pandas", "statsmodels", "mlflow"]),
        ("import scenario.proposers.base", ["rdagent", "litellm", "mlflow"]),
    ],
)
def test_import_is_cheap(statement: str, banned: list[str]) -> None:
    """Heavy libraries are imported when they are used, not when a module is."""
    code = f"import sys; {statement}; print([m for m in {banned!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert done.stdout.strip() == "[]"
