"""The walls of a container, as the engine itself reports them."""

import json
import stat
from pathlib import Path

import pytest

from scenario.errors import IsolationError
from scenario.isolation import engine as engines
from scenario.isolation.base import Limits, Runner
from scenario.isolation.docker import DockerIsolation
from tests.scenario.isolation.conftest import Engine

pytestmark = pytest.mark.docker


@pytest.fixture
def inspected(
    engine: Engine, panels: dict[str, Path], runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> dict:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:secret@127.0.0.1:9")
    limits = Limits(seconds=2, memory=256 << 20)
    with DockerIsolation(1, engine.client, engine.image, limits, runner) as isolation:
        isolation.start(panels)
        (container,) = engine.client.api.containers(
            filters={"label": [engines.OWNER, f"limit-up-tide.sandbox={isolation._id}"]}
        )
        return engine.client.api.inspect_container(container["Id"])


def test_the_walls(inspected: dict, panels: dict[str, Path], runner: Runner) -> None:
    host, config = inspected["HostConfig"], inspected["Config"]
    assert host["NetworkMode"] == host["IpcMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["Privileged"] is False
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Binds"]
    assert not host["Devices"]
    assert list(host["Tmpfs"]) == ["/tmp"]
    assert "noexec" in host["Tmpfs"]["/tmp"]
    assert host["Memory"] == host["MemorySwap"] > 256 << 20
    assert 0 < host["PidsLimit"] <= 64
    assert host["NanoCpus"] == 10**9
    assert host["Init"] is True
    assert host["AutoRemove"] is True
    assert host["LogConfig"]["Type"] == "none"
    assert {limit["Name"]: limit["Hard"] for limit in host["Ulimits"]}["core"] == 0
    assert config["User"] == "10001:10001"
    assert not [line for line in config["Env"] if "secret" in line]
    mounts = {mount["Destination"]: mount for mount in inspected["Mounts"]}
    assert {at: Path(mount["Source"]) for at, mount in mounts.items()} == {
        "/panels/search": panels["search"],
        "/panels/confirm": panels["confirm"],
        "/runner": runner.folder,
    }
    assert not any(mount["RW"] for mount in mounts.values())


def test_the_profile_of_system_calls(inspected: dict) -> None:
    options = dict(option.split("=", 1) for option in inspected["HostConfig"]["SecurityOpt"][1:])
    assert inspected["HostConfig"]["SecurityOpt"][0] == "no-new-privileges:true"
    profile = json.loads(options["seccomp"])
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    allowed = {
        name
        for rule in profile["syscalls"]
        if rule["action"] == "SCMP_ACT_ALLOW"
        for name in rule["names"]
    }
    hostile = {"ptrace", "io_uring_setup", "io_uring_enter", "bpf", "mount", "unshare", "setns"}
    hostile |= {"socket", "connect", "keyctl", "add_key", "userfaultfd", "perf_event_open"}
    hostile |= {"process_vm_readv", "process_vm_writev", "memfd_create", "kexec_load", "reboot"}
    hostile |= {"init_module", "personality", "clone3", "open_by_handle_at", "pidfd_getfd"}
    assert not allowed & hostile


def test_panel_files_are_opened_to_the_containers_user(
    engine: Engine, panels: dict[str, Path], runner: Runner, tmp_path: Path
) -> None:
    private = tmp_path / "private"
    private.mkdir()
    for path in panels["search"].iterdir():
        (private / path.name).write_bytes(path.read_bytes())
        (private / path.name).chmod(0o600)
    private.chmod(0o700)
    with DockerIsolation(1, engine.client, engine.image, runner=runner) as isolation:
        isolation.start({"search": private})
        assert isolation.run([{"do": "sum"}]) == [{"search": 150.0}]
    assert stat.S_IMODE(private.stat().st_mode) == 0o755
    assert not any(path.stat().st_mode & 0o022 for path in private.iterdir())


def test_an_image_that_is_gone_is_told_with_its_remedy(
    engine: Engine, panels: dict[str, Path]
) -> None:
    missing = "sha256:" + "0" * 64
    with pytest.raises(IsolationError, match="tide doctor --build-image"):
        DockerIsolation(1, engine.client, missing).start(panels)
