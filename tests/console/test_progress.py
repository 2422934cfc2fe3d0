"""What is told while a command works, where there is no terminal."""

import pytest

from console.progress import training_progress


def test_training_tells_each_step_once_in_a_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with training_progress() as progress:
        for what, share in (("rank, seed 1", 0.1), ("rank, seed 1", 0.15), ("saving", 1.0)):
            progress(what, share)
    assert capsys.readouterr().err.splitlines() == [" 10%  rank, seed 1", "100%  saving"]
