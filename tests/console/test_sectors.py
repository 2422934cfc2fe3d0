"""`tide data sectors`, and what `tide data import` tells the mapping, as a person runs them."""

from pathlib import Path

import pandas as pd

from data_profile.sectors import Sectors
from data_profile.store import Store
from tests.commands import document, tide
from tests.data_profile.test_sectors import DAY, doubtful


def test_an_import_is_known_by_names(tmp_path: Path, market_file: Path) -> None:
    home = tmp_path / "home"
    tide(home, "data", "import", str(market_file))
    store = Store(home / "store")
    frame = pd.read_parquet(market_file)
    known = Sectors(home / "store" / "sectors")
    one = frame["sector"].iloc[0]
    found = known.resolve(one, "industry", DAY)
    assert store.names()[str(found.sector_id)] == one
    assert store.panel().instruments == tuple(sorted(known.sectors()))
    snapshot = store.manifest().snapshot_id
    tide(home, "data", "import", str(market_file))
    assert store.manifest().snapshot_id == snapshot
    tide(home, "data", "import", str(market_file), "--kind", "region", status=2)


def test_every_command(tmp_path: Path) -> None:
    home = tmp_path / "home"
    number = doubtful(Sectors(home / "store" / "sectors"))
    (waiting,) = document(tide(home, "data", "sectors", "review", "--json"))
    assert waiting["number"] == number
    assert waiting["candidates"][0]["name"] == "通用专用设备"
    assert "专用设备" in tide(home, "data", "sectors", "review").stdout
    left = tide(
        home, "data", "sectors", "review", "--split", f"{number}=BK0001", "--reason", "r", "--json"
    )
    assert document(left) == []
    tide(home, "data", "sectors", "rename", "BK0001", "芯片", "--since", "2025-12-31")
    tide(home, "data", "sectors", "merge", "BK0002", "--into", "BK0001")
    rows = document(tide(home, "data", "sectors", "list", "--json"))
    assert [row["name"] for row in rows] == ["芯片", "通用专用设备", "专用设备"]
    assert rows[1]["merged_into"] == "BK0001"
    assert rows[2]["parent"] == "BK0001"
    events = document(tide(home, "data", "sectors", "history", "BK0001", "--json"))
    assert [one["action"] for one in events] == ["new", "new", "rename", "merge"]
    assert "芯片" in tide(home, "data", "sectors", "list").stdout
    tide(home, "data", "sectors", "review", "--new", "99", status=2)
    tide(home, "data", "sectors", "review", "--accept", "x", status=2)
