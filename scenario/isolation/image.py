"""The images that workers run: built from the lock file's pins and this project's own modules.

There are two. The evaluator's holds what a search needs. The backtest's stands on it and adds Qlib,
which weighs more than all the rest; it is built when the first factor has been accepted.

`python -m scenario.isolation.image` builds both, as `tide doctor --build-image` does.
"""

import hashlib
import io
import os
import re
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Optional

import docker
from docker.errors import ImageNotFound

from data_profile.home import Home
from scenario.errors import IsolationError
from scenario.isolation import engine, sources, wheels

_BASE = "python:3.11-slim"
_LOCAL_BASE = "local/python:3.11"  # made from a machine's own Python where no registry is reached
_BASE_LABEL = "limit-up-tide.base"
_STEP = re.compile(r"Step (\d+)/(\d+) : (.*)")


@dataclass(frozen=True)
class Recipe:
    """What an image is made of.

    Parameters
    ----------
    name
        For people.
    repository
        Of its tag.
    dockerfile
        File beside this one.
    packages
        Of requirements.lock; nothing else is installed.
    sources
        Patterns of this project's modules that it holds.
    parent
        The image it stands on; None for an image of Python.
    """

    name: str
    repository: str
    dockerfile: str
    packages: tuple[str, ...]
    sources: tuple[str, ...]
    parent: Optional["Recipe"] = None

    @property
    def tag(self) -> str:
        """Repository and a digest of everything that goes into the image, but for its base."""
        digest = hashlib.sha256(self.text)
        digest.update("".join(f"{pin.marker};{pin}" for pin in self.pins()).encode())
        digest.update(sources.digest(self.sources).encode())
        digest.update((self.parent.tag if self.parent else "").encode())
        return f"{self.repository}:{digest.hexdigest()[:16]}"

    @property
    def text(self) -> bytes:
        """Content of its Dockerfile."""
        return Path(__file__).with_name(self.dockerfile).read_bytes()

    def pins(self) -> list[wheels.Pin]:
        """Its packages, as the lock pins them.

        Raises
        ------
        IsolationError
            There is no lock: this is no clone.
        """
        path = sources.PROJECT / "requirements.lock"
        try:
            return wheels.pins(path.read_text(encoding="utf-8"), self.packages)
        except OSError as error:
            raise IsolationError(
                f"an image is built from a clone of the project, and {path} cannot be read: "
                f"{error.strerror}"
            ) from error


EVALUATOR = Recipe(
    "evaluator",
    "limit-up-tide/evaluator",
    "Dockerfile",
    ("numpy", "llvmlite", "numba"),
    sources.EVALUATOR,
)
BACKTEST = Recipe(
    "backtest",
    "limit-up-tide/backtest",
    "backtest.Dockerfile",
    # What Qlib's backtest imports, found by leaving out what it does not. Of mlflow the skinny
    # half; no lightgbm, pyarrow, torch, and none of cvxpy's solvers.
    tuple(
        [
            "annotated-doc",
            "annotated-types",
            "anyio",
            "cachetools",
            "certifi",
            "charset-normalizer",
            "click",
            "cloudpickle",
            "cvxpy",
            "databricks-sdk",
            "dill",
            "fastapi",
            "filelock",
            "google-auth",
            "gym",
            "gym-notices",
            "idna",
            "importlib-metadata",
            "joblib",
            "loguru",
            "mlflow-skinny",
            "mlflow-tracing",
            "opentelemetry-api",
            "opentelemetry-proto",
            "opentelemetry-sdk",
            "opentelemetry-semantic-conventions",
            "packaging",
            "pandas",
            "protobuf",
            "pydantic",
            "pydantic-core",
            "pydantic-settings",
            "pyqlib",
            "python-dateutil",
            "python-dotenv",
            "python-redis-lock",
            "pytz",
            "pyyaml",
            "qdldl",
            "redis",
            "requests",
            "ruamel-yaml",
            "scipy",
            "setuptools",
            "six",
            "sqlparse",
            "starlette",
            "tqdm",
            "typing-extensions",
            "typing-inspection",
            "tzdata",
            "urllib3",
            "zipp",
        ]
    ),
    sources.BACKTEST,
    EVALUATOR,
)
RECIPES = {recipe.name: recipe for recipe in (EVALUATOR, BACKTEST)}


def find_image(client: docker.DockerClient, recipe: Recipe = EVALUATOR) -> str | None:
    """Id of the image that fits today's sources, or None if it has to be built.

    Raises
    ------
    IsolationError
        The engine does not answer, or this is no clone.
    """
    try:
        try:
            image = client.images.get(recipe.tag)
        except ImageNotFound:
            return None
        base = _base_at_hand(client, recipe)
    except engine.ENGINE_ERRORS as error:
        raise engine.explain(error) from error
    if base is not None and image.labels.get(_BASE_LABEL) != base[1]:
        return None  # the base was renewed
    return str(image.id)


def ensure_image(
    client: docker.DockerClient,
    home: Home,
    say: Callable[[str], None],
    recipe: Recipe = EVALUATOR,
) -> str:
    """Id of the image that fits today's sources; built first if there is none.

    Parameters
    ----------
    client
        Of the engine that is to hold the image; it needs no network.
    home
        Its cache keeps the downloaded packages.
    say
        Gets lines of progress while the image is built; nothing if it exists.
    recipe
        Which image.

    Raises
    ------
    IsolationError
        The engine does not answer, the base image or a package cannot be had, the disk is full, or
        the build fails.
    """
    if recipe.parent is not None:
        ensure_image(client, home, say, recipe.parent)
    found = find_image(client, recipe)
    if found is not None:
        return found
    began = time.monotonic()
    home.create()
    try:
        name, base = _base_at_hand(client, recipe) or _pull(client, _bases()[0], say)
        python, machine = _platform(client, base)
        needed = [pin for pin in recipe.pins() if pin.applies(python, machine)]
        files = wheels.fetch(needed, python, machine, home.cache / "wheels", say)
        with tempfile.TemporaryFile(dir=home.cache) as context:
            _pack(context, recipe, needed, files)
            _build(client, context, recipe, name, base, say)
        image = client.images.get(recipe.tag)
    except engine.ENGINE_ERRORS as error:
        raise engine.explain(error) from error
    size, seconds = image.attrs["Size"] / 1e6, time.monotonic() - began
    say(f"docker image: {recipe.name} ready, {size:.0f} MB, built in {seconds:.0f} s")
    return str(image.id)


def remove_old(client: docker.DockerClient) -> list[str]:
    """Remove this program's images of other versions; their ids.

    Only images that this program built, known by their label; one that a container uses, or that
    another image stands on, stays.

    Raises
    ------
    IsolationError
        The engine does not answer, or this is no clone.
    """
    removed = []
    current = {recipe.tag for recipe in RECIPES.values()}
    try:
        for image in client.images.list(filters={"label": _BASE_LABEL}):
            if current & set(image.tags):
                continue
            try:
                for name in image.tags or [image.id]:
                    client.images.remove(name)
            except ImageNotFound:
                continue  # it went with another
            except docker.errors.APIError as error:
                if error.status_code != 409:  # in use
                    raise
            else:
                removed.append(str(image.id))
    except engine.ENGINE_ERRORS as error:
        raise engine.explain(error) from error
    return removed


def _bases() -> tuple[str, ...]:
    """Names of the images of Python to build on, best first."""
    wanted = os.environ.get("TIDE_BASE_IMAGE")
    return (wanted,) if wanted else (_BASE, _LOCAL_BASE)


def _base_at_hand(client: docker.DockerClient, recipe: Recipe) -> tuple[str, str] | None:
    """(name, id) of the image to build on, if the engine has it."""
    for name in (recipe.parent.tag,) if recipe.parent else _bases():
        try:
            return name, str(client.images.get(name).id)
        except ImageNotFound:
            continue
    return None


def _pull(client: docker.DockerClient, name: str, say: Callable[[str], None]) -> tuple[str, str]:
    say(f"docker image: pulling {name}")
    try:
        return name, str(client.images.pull(name).id)
    except engine.ENGINE_ERRORS as error:
        known = engine.explain(error)
        if "disk" in known.fault or "stopped answering" in known.fault:
            raise known from error
        raise engine.EngineError(
            f"the base image {name} is missing and cannot be pulled",
            "connect once and run `tide doctor --build-image`, load it (`docker load`), "
            "or name one that the engine has in TIDE_BASE_IMAGE",
        ) from error


def _platform(client: docker.DockerClient, base: str) -> tuple[str, str]:
    """(full Python version, machine) of the base image."""
    said = client.containers.run(
        base,
        ["-c", "import platform as p; print(p.python_version(), p.machine())"],
        entrypoint="python3",
        network_mode="none",
        remove=True,
    )
    python, machine = said.decode().split()
    return python, machine


def _pack(context: IO[bytes], recipe: Recipe, needed: list[wheels.Pin], files: list[Path]) -> None:
    """Write the build context; the same content gives the same bytes."""
    with tarfile.open(fileobj=context, mode="w") as tar:

        def add(name: str, content: bytes) -> None:
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))

        add("Dockerfile", recipe.text)
        add("requirements.txt", "".join(map(str, needed)).encode())
        for file in files:
            add(f"wheels/{file.name}", file.read_bytes())
        for name, content in sources.contents(recipe.sources):
            add(f"app/{name}", content)
    context.seek(0)


def _build(
    client: docker.DockerClient,
    context: IO[bytes],
    recipe: Recipe,
    name: str,
    base: str,
    say: Callable[[str], None],
) -> None:
    events = client.api.build(
        fileobj=context,
        custom_context=True,
        tag=recipe.tag,
        buildargs={"BASE_IMAGE": name},
        labels={_BASE_LABEL: base},
        network_mode="none",
        rm=True,
        forcerm=True,
        decode=True,
        use_config_proxy=False,
    )
    tail = ""
    for event in events:
        line = str(event.get("stream", "")).strip()
        tail = line or tail
        if step := _STEP.match(line):
            say(f"docker image: {recipe.name} {_bar(int(step[1]), int(step[2]))} {step[3][:50]}")
        if "error" in event:
            known = engine.explain(docker.errors.DockerException(str(event["error"])))
            if "disk" in known.fault:
                raise known
            raise IsolationError(f"docker image: the build failed: {event['error']} {tail}"[:500])


def _bar(done: int, of: int) -> str:
    """How far a build is, as a bar of 20 places.

    Examples
    --------
    >>> _bar(3, 15)
    '[####................]  3/15'
    """
    full = round(20 * done / of)
    return f"[{'#' * full}{'.' * (20 - full)}] {done:>2}/{of}"


def main() -> None:
    """Build the images that are missing, and print their ids."""
    home, client = Home(Path(os.environ.get("TIDE_HOME", "runs"))), engine.connect()
    for recipe in RECIPES.values():
        print(ensure_image(client, home, lambda line: print(line, file=sys.stderr), recipe))


if __name__ == "__main__":
    main()
