"""The jobs themselves: mine and evaluate; and a first look."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from console.commands.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    SeedOption,
    UniverseOption,
    open_home,
    print_json,
)

app = typer.Typer()


@app.command()
def demo(
    home: HomeOption = DEFAULT_HOME / "demo",
    evaluations: Annotated[int, typer.Option(min=100, help="Factors to try.")] = 1500,
    seed: SeedOption = 1,
) -> None:
    """Run the main job on the built-in synthetic market: some ten minutes, no key, no network."""
    from console.demo import run

    run(open_home(home), evaluations=evaluations, seed=seed)


@app.command()
def doctor(
    home: HomeOption = DEFAULT_HOME,
    build_image: Annotated[
        bool, typer.Option("--build-image", help="Build the container images.")
    ] = False,
    clean: Annotated[
        bool,
        typer.Option("--clean", help="Remove old images, kernels, panels and models, and say so."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what is installed, reachable and fresh, and what to do about what is not."""
    from console import doctor as check

    opened = open_home(home)
    if build_image:
        check.build_image(opened)
        return
    if clean:
        from console.cleaning import clean as remove_old
        from console.display import say

        removed = remove_old(opened)
        if as_json:
            print_json([one.to_dict() for one in removed])
        for one in removed if not as_json else ():
            say(f"removed: {one.what} {one.name} ({one.bytes / 1e6:.1f} MB)")
        return
    findings = check.examine(opened)
    if as_json:
        print_json([finding.to_dict() for finding in findings])
    else:
        check.show(findings)


@app.command()
def mine(
    home: HomeOption = DEFAULT_HOME,
    hours: Annotated[float | None, typer.Option(min=0.0, help="Stop after so many hours.")] = None,
    until: Annotated[str | None, typer.Option(help="Stop at HH:MM, China time.")] = None,
    loops: Annotated[int | None, typer.Option(min=1, help="Stop after so many loops.")] = None,
    evaluations: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many factors tried.")
    ] = None,
    proposer: Annotated[
        Literal["auto", "evolve", "llm"], typer.Option(help="Who proposes factors.")
    ] = "auto",
    isolation: Annotated[
        Literal["auto", "docker", "process"], typer.Option(help="Where factors are evaluated.")
    ] = "auto",
    cluster: Annotated[
        str | None,
        typer.Option(help="Evaluate on a Dask cluster: tcp://SCHEDULER:8786 (docs/scale.md)."),
    ] = None,
    budget_usd: Annotated[float | None, typer.Option(min=0.0, help="Language model spend.")] = None,
    universe: UniverseOption = "sector",
    seed: SeedOption = 1,
    new: Annotated[bool, typer.Option("--new", help="Start afresh; default: resume.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Mine factors: propose, evaluate in isolation, accept what survives. Resumes by default."""
    from console.mining import MiningDisplay, show_summary
    from factor_pool.universe import UNIVERSES
    from scenario.loop import MineOptions
    from scenario.loop import mine as run

    options = MineOptions(
        hours=hours,
        until=until,
        loops=loops,
        evaluations=evaluations,
        proposer=proposer,
        isolation=isolation,
        cluster=cluster,
        budget_usd=budget_usd,
        seed=seed,
        new=new,
        label=UNIVERSES[universe].label,
    )
    opened = open_home(home, universe)
    with MiningDisplay() as display:
        summary = run(opened, options, display)
    if as_json:
        print_json(summary.to_dict())
    else:
        show_summary(summary)
    if summary.interrupted:
        raise typer.Exit(130)


@app.command("eval")
def eval_(
    expression: Annotated[str, typer.Argument(help="For example 'Mean($net_inflow, 5)'.")],
    home: HomeOption = DEFAULT_HOME,
    window: Annotated[Literal["search", "all"], typer.Option(help="Sessions to use.")] = "search",
    label: Annotated[
        str | None, typer.Option(help="What it should foretell; default: the universe's own.")
    ] = None,
    universe: UniverseOption = "sector",
    html: Annotated[
        bool, typer.Option("--html", help="Also write a score report: one page, with charts.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="Where; default: in reports/ of the home."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Score one expression, beside its baselines."""
    from console.display import say, working
    from console.evaluate import evaluate_one, write_report
    from console.tables import show_score

    if output is not None and not html:
        raise typer.BadParameter("-o is where the report goes: give --html too")

    opened = open_home(home, universe)
    with working("evaluating"):
        document = evaluate_one(opened, expression, window=window, label=label)
    if html:
        with working("drawing the report"):
            page = write_report(opened, document, output)
        say(f"report: {page}")
    if as_json:
        print_json(document)
    else:
        show_score(document)
