"""The seats behind the branch names of a dragon-tiger list: every cluster, and samples to check.

    python benchmarks/seats.py SEATS.parquet [--clusters] [--sample N] [--seed S]

SEATS.parquet has the names in a column `department` or `seat`; names that only the dictionary of
the column holds count too. `--clusters` prints every seat with more than one name. `--sample`
prints N seats with more than one name (are they one?) and N names, each beside the seat of the same
broker that is most like it and was kept apart (are they two?), drawn with the seed.
"""

import argparse
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pyarrow.parquet as pq
from rapidfuzz import fuzz, process

sys.path.insert(0, str(Path(__file__).parents[1]))

from data_profile.seat_names import parse
from data_profile.seats import Cluster, Seats


def names_of(path: Path) -> list[str]:
    """Every distinct name, those of a dictionary that no row uses included."""
    schema = pq.read_schema(path)
    column = "seat" if "seat" in schema.names else "department"
    values = pq.read_table(path, columns=[column])[0]
    found: set[str] = set()
    for chunk in values.chunks:
        found |= set((chunk.dictionary if hasattr(chunk, "dictionary") else chunk).to_pylist())
    return sorted(name for name in found if name)


def nearest(clusters: Sequence[Cluster]) -> dict[str, str]:
    """Seat -> the other seat of the same broker and kind that is most like it."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for one in clusters:
        branch = parse(one.seat)
        groups[branch.broker, branch.kind].append(one.seat)
    found = {}
    for group in groups.values():
        for seat in group:
            others = [other for other in group if other != seat]
            best = process.extractOne(seat, others, scorer=fuzz.ratio)
            found[seat] = best[0] if best else "-"
    return found


def main() -> None:
    """Print the clusters, the doubts and the samples."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--clusters", action="store_true")
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--seed", type=int, default=9)
    given = parser.parse_args()
    names = names_of(given.file)
    with tempfile.TemporaryDirectory() as folder:
        seats = Seats(Path(folder))
        clusters, doubts = seats.clusters(names), seats.review(names)
    several = [one for one in clusters if len(one.names) > 1]
    print(
        f"{len(names)} names, {len(clusters)} seats; {len(several)} of them go by more than one "
        f"name ({sum(len(one.names) for one in several)} names); {len(doubts)} pairs in doubt"
    )
    for doubt in doubts:
        print(f"doubt {doubt.score:.0f}  {doubt.one}  {doubt.other}")
    if given.clusters:
        for one in several:
            print(f"{one.seat}: {'; '.join(one.names)}")
    if given.sample:
        rng = random.Random(given.seed)
        for one in rng.sample(several, min(given.sample, len(several))):
            print(f"one?  {'; '.join(one.names)}")
        other = nearest(clusters)
        of_name = {name: one.seat for one in clusters for name in one.names}
        for name in rng.sample(names, min(given.sample, len(names))):
            print(f"two?  {name}  |  {other[of_name[name]]}")


if __name__ == "__main__":
    main()
