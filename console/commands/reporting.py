"""The page of a day: tomorrow's ranking, what became of the last one, and the market's mood."""

from typing import Annotated, Literal

import typer

from console.commands.options import DEFAULT_HOME, HomeOption, JsonOption, open_home, print_json

app = typer.Typer()


@app.command()
def report(
    home: HomeOption = DEFAULT_HOME,
    date: Annotated[str | None, typer.Option(help="After this session; default: the last.")] = None,
    language: Annotated[
        Literal["zh", "en"] | None, typer.Option(help="Default: as TIDE_LANG says.")
    ] = None,
    prose: Annotated[
        bool, typer.Option("--prose", help="Have CHAT_MODEL write a paragraph; it is checked.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the daily page, as one HTML file that opens offline and as Markdown."""
    from console.display import stdout, working
    from console.reporting import writer
    from factor_pool.report.words import language as preferred
    from predictor.report import daily_report, write

    opened = open_home(home)
    with working("making the daily page"):
        made = daily_report(
            opened,
            date=date,
            language=language or preferred(),
            writer=writer(opened) if prose else None,
        )
        written = write(opened, made)
    if as_json:
        print_json({
            "session": made.session, "language": made.language,
            **{path.suffix[1:]: path for path in written},
        })  # fmt: skip
        return
    for path in written:
        stdout.print(str(path), markup=False, soft_wrap=True)
