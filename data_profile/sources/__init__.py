"""Where data comes from: one concept a file.

`SOURCES` names every table that can be collected; each entry makes a `Source`.
"""

from data_profile.sources.base import (
    Observation,
    Source,
    SourceEmpty,
    SourceMalformed,
    SourceRefused,
    SourceSpent,
    SourceStale,
    SourceUnreachable,
)

__all__ = [
    "Observation",
    "Source",
    "SourceEmpty",
    "SourceMalformed",
    "SourceRefused",
    "SourceSpent",
    "SourceStale",
    "SourceUnreachable",
]
