"""Every example of docs/deploy.md is read by what would read it, and calls what there is."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from data_profile.schedule import STEPS
from predictor.daily import TASKS
from predictor.notify import Settings
from tide import app

REPOSITORY = Path(__file__).resolve().parents[2]
TEXT = (REPOSITORY / "docs" / "deploy.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS: dict[str, list[str]] = {}
for kind, block in FENCE.findall(TEXT):
    BLOCKS.setdefault(kind, []).append(block)


def commands(text: str) -> list[list[str]]:
    """Every call of `tide` in a text, without redirections."""
    calls = re.findall(r"(?:^|[\s/`\"])tide ((?:[a-z]+ ?|--?[a-z-]+ ?|\d+ ?)+)", text)
    return [call.split() for call in calls]


def names(group: typer.Typer) -> set[str]:
    click = typer.main.get_command(group)
    return set(click.commands)  # type: ignore[attr-defined]


def test_every_kind_of_example_is_there() -> None:
    assert {kind: len(found) for kind, found in BLOCKS.items()} == {
        "ini": 3, "cron": 1, "yaml": 1, "powershell": 1, "python": 1,
    }  # fmt: skip


def test_every_command_exists() -> None:
    called = [call for kind in BLOCKS for block in BLOCKS[kind] for call in commands(block)]
    called += [call for code in re.findall(r"`([^`\n]+)`", TEXT) for call in commands(code)]
    assert len(called) > 12
    for call in called:
        words = [word for word in call if not word.startswith("-")]
        assert words[0] in names(app), call
        path = words[:2] if words[0] == "data" else words[:1]
        shown = CliRunner().invoke(app, [*path, "--help"], terminal_width=200)
        assert shown.exit_code == 0, call
        for option in (word for word in call if word.startswith("--")):
            assert option in shown.output, call
        if "--once" in call:
            known = {step.name for step in (*STEPS, *TASKS)}
            assert call[call.index("--once") + 1] in known, call


def test_the_table_of_steps_is_the_program_s() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\d\d:\d\d)(?:, (monthly))? \|", TEXT, re.MULTILINE)
    told = {name: (at, bool(monthly)) for name, at, monthly in rows}
    assert told == {
        step.name: (f"{step.at:%H:%M}", getattr(step, "monthly", False))
        for step in (*STEPS, *TASKS)
    }


def units(folder: Path) -> dict[str, Path]:
    """The systemd examples as files, with a program that exists in the place of ours."""
    placed = {}
    for name, text in zip(
        re.findall(r"/etc/systemd/system/(tide[\w.-]+)`", TEXT), BLOCKS["ini"], strict=True
    ):
        path = folder / name
        path.write_text(re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", text))
        placed[name] = path
    return placed


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_reads_the_units(tmp_path: Path) -> None:
    placed = units(tmp_path)
    assert set(placed) == {"tide.service", "tide-day.service", "tide-day.timer"}
    for path in placed.values():
        done = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = [line for line in done.stderr.splitlines() if path.name in line]
        assert said == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_the_times() -> None:
    times = re.findall(r"^OnCalendar=(.+)$", TEXT, re.MULTILINE)
    assert len(times) >= 7
    done = subprocess.run(
        ["systemd-analyze", "calendar", *times], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    opened = {f"{step.at:%H:%M}" for step in STEPS}
    assert opened <= {re.search(r"\d\d:\d\d", time)[0] for time in times}  # type: ignore[index]


def test_cron_lines_are_whole() -> None:
    [table] = BLOCKS["cron"]
    lines = table.splitlines()
    assert [line for line in lines if "=" in line.split()[0]] == lines[:2]
    for line in lines[2:]:
        minute, hour, *rest = line.split()
        assert (0 <= int(minute) < 60, 0 <= int(hour) < 24) == (True, True)
        assert rest[:3] in (["*", "*", "1-5"], ["*", "*", "*"])
        assert commands(line)


def test_the_workflow_is_one_and_its_settings_are_ours() -> None:
    [text] = BLOCKS["yaml"]
    flow = yaml.safe_load(text)
    job = flow["jobs"]["daily"]
    assert {cron["cron"].split()[4] for cron in flow[True]["schedule"]} == {"1-5"}
    ours = {f"TIDE_NOTIFY_{name.upper()}" for name in Settings.model_fields}
    said = {name for name in job["env"] if name.startswith("TIDE_NOTIFY_")}
    assert said <= ours
    for name in said:
        secret = job["env"][name].startswith("${{ secrets.")
        assert secret or name == "TIDE_NOTIFY_EMAIL_HOST", f"{name} is a secret"
    assert all("uses" in step or "run" in step for step in job["steps"])


def test_the_script_in_the_workflow_prints_the_watched_sectors(tmp_path: Path) -> None:
    [text] = BLOCKS["yaml"]
    [step] = [s for s in yaml.safe_load(text)["jobs"]["daily"]["steps"] if "WATCH" in str(s)]
    script = step["run"].split("<<'EOF'")[1].split("\n", 1)[1].rsplit("EOF", 1)[0]
    rows = [{"rank": n, "name": f"s{n}", "p_at_least_one": 0.5} for n in range(1, 9)]
    (tmp_path / "forecast.json").write_text(json.dumps({"ranking": rows}))
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env={**os.environ, "WATCH": "s7, s99"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "7. s7 50%"
    assert len(done.stdout.splitlines()) == 6


def test_the_engine_of_the_example_is_there() -> None:
    [text] = BLOCKS["python"]
    imported = [node for node in ast.parse(text).body if isinstance(node, ast.ImportFrom)]
    ours = [node for node in imported if str(node.module).startswith("console")]
    assert [(node.module, node.names[0].name) for node in ours] == [
        ("console.vnpy_engine", "DailyEngine")
    ]
    assert (REPOSITORY / "console" / "vnpy_engine.py").exists()
