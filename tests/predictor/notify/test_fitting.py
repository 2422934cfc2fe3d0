"""A text is split at lines, in order, and nothing but the end is ever left out."""

from hypothesis import given
from hypothesis import strategies as st

from predictor.notify.fitting import LEFT_OUT, pieces, shorten

LINES = st.lists(st.text("ab 涨停板块<>", max_size=30), max_size=20).map("\n".join)


def in_bytes(text: str) -> int:
    return len(text.encode())


@given(LINES, st.integers(40, 90), st.integers(1, 4))
def test_every_piece_fits_and_together_they_are_the_beginning(
    text: str, size: int, parts: int
) -> None:
    made = pieces(text, size, parts, in_bytes)
    assert 1 <= len(made) <= parts
    assert all(in_bytes(piece) <= size for piece in made)
    cut = made[-1].endswith(LEFT_OUT)
    told = "".join(made).removesuffix(LEFT_OUT).replace("\n", "").rstrip()
    whole = text.replace("\n", "")
    assert whole.startswith(told) if cut else told == whole.rstrip()


@given(st.text("ab 涨停", max_size=60), st.integers(4, 40))
def test_a_title_is_cut_with_an_ellipsis(text: str, size: int) -> None:
    made = shorten(text, size, len)
    assert len(made) <= size
    assert made == text if len(text) <= size else made.endswith("…")


def test_lines_stay_whole_where_they_can() -> None:
    assert pieces("1. a\n2. b\n3. c", 9, 3, len) == ["1. a\n2. b", "3. c"]
    assert pieces("1234567890", 4, 3, len) == ["1234", "5678", "90"]
