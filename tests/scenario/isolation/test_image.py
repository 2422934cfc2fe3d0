"""What goes into the image, and when it has to be made again."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from data_profile.home import Home
from scenario.errors import IsolationError
from scenario.isolation import image, sources, wheels
from tests.scenario.isolation.conftest import Engine


@pytest.mark.parametrize("recipe", image.RECIPES.values(), ids=image.RECIPES)
def test_the_lock_pins_every_package_of_the_image(recipe: image.Recipe) -> None:
    pins = recipe.pins()
    for python in ("3.11.9", "3.12.3"):
        for machine in ("x86_64", "aarch64"):
            needed = [pin for pin in pins if pin.applies(python, machine)]
            assert sorted(pin.name for pin in needed) == sorted(recipe.packages)
            assert all(len(digest) == 64 for pin in needed for digest in pin.hashes)


def test_a_marker_decides_by_the_images_python_not_by_this_one() -> None:
    lock = (
        "numpy==1.0 ; python_full_version < '3.12' \\\n    --hash=sha256:" + "a" * 64 + "\n"
        "numpy==2.0 ; python_full_version >= '3.12' \\\n    --hash=sha256:" + "b" * 64 + " \\\n"
        "    --hash=sha256:" + "c" * 64 + "\n    # via x\n"
        "pandas==9.9 \\\n    --hash=sha256:" + "d" * 64 + "\n"
    )
    old, new = wheels.pins(lock, ["numpy"])
    assert (old.version, new.version, len(new.hashes)) == ("1.0", "2.0", 2)
    assert (old.applies("3.11.7", "x86_64"), new.applies("3.11.7", "x86_64")) == (True, False)
    assert (old.applies("3.12.0", "x86_64"), new.applies("3.12.0", "x86_64")) == (False, True)


def test_every_source_exists() -> None:
    root = Path(__file__).parents[3]
    for pattern in (*sources.EVALUATOR, *sources.BACKTEST):
        assert list(root.glob(pattern)), f"{pattern} names nothing"


@pytest.mark.docker
def test_an_image_that_fits_is_not_built_again(engine: Engine, tmp_path: Path) -> None:
    said: list[str] = []
    assert image.ensure_image(engine.client, Home(tmp_path), said.append) == engine.image
    assert said == []


@pytest.mark.docker
def test_a_missing_base_says_how_to_get_one(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIDE_BASE_IMAGE", "127.0.0.1:9/no/such:image")
    recipe = replace(image.EVALUATOR, repository="limit-up-tide/never-built")
    with pytest.raises(IsolationError, match="TIDE_BASE_IMAGE"):
        image.ensure_image(engine.client, Home(tmp_path), lambda line: None, recipe)


@pytest.mark.docker
def test_the_image_holds_the_sources_and_is_small(engine: Engine) -> None:
    found = engine.client.images.get(engine.image)
    assert found.attrs["Size"] < 500e6
    assert found.attrs["Config"]["User"] == "10001:10001"
    script = (
        "import hashlib, pathlib; "
        "print(hashlib.sha256(pathlib.Path('/app/data_profile/panel.py').read_bytes()).hexdigest())"
    )
    said = engine.client.containers.run(
        engine.image, ["-c", script], entrypoint="python3", network_mode="none", remove=True
    )
    source = Path(__file__).parents[3] / "data_profile" / "panel.py"
    assert said.decode().strip() == hashlib.sha256(source.read_bytes()).hexdigest()


@pytest.mark.docker
def test_the_backtests_image_stands_on_the_evaluators(engine: Engine) -> None:
    """Their common layers are on the disk once."""
    found = image.find_image(engine.client, image.BACKTEST)
    if found is None:
        pytest.skip("the backtest's image is not built: run `tide doctor --build-image`")
    own, below = (engine.client.images.get(one).attrs for one in (found, engine.image))
    layers = below["RootFS"]["Layers"]
    assert own["RootFS"]["Layers"][: len(layers)] == layers
    assert own["Size"] - below["Size"] < 350e6
    assert own["Config"]["User"] == "10001:10001"
    assert image.BACKTEST.tag != replace(image.BACKTEST, parent=None).tag
