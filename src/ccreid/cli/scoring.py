"""The verbs that score bundles."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ccreid.cli import console
from ccreid.cli.options import (
    DataOption,
    Device,
    DevicesOption,
    MovedDataOption,
    NodesOption,
    OutOption,
    Precision,
    RendezvousOption,
    folder_to_write,
    refuse_taken,
)
from ccreid.cli.progress import watching
from ccreid.cli.showing import show_bundle, show_report, show_where
from ccreid.cli.together import is_shared, run_shared


def evaluate(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle, or the run folder that holds one.")],
    dataset: Annotated[str, typer.Option(metavar="NAME", help="Data set to score on, see `ccreid data list`.")],
    data: DataOption = None,
    out_dir: OutOption = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="Average with the mirror image \\[default: as trained].")
    ] = None,
    camera_means: Annotated[
        bool, typer.Option("--camera-means", help="Take the mean of each camera's embeddings off.")
    ] = False,
    centralise: Annotated[
        bool, typer.Option("--centralise", help="Draw embeddings to their mutual nearest neighbours.")
    ] = False,
    rerank: Annotated[bool, typer.Option("--rerank", help="Rank by k-reciprocal re-ranked distances.")] = False,
    skip_unreadable: Annotated[
        bool, typer.Option("--skip-unreadable", help="Leave out images that cannot be read.")
    ] = False,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = "auto",
    devices: DevicesOption = 1,
    nodes: NodesOption = 1,
    rendezvous: RendezvousOption = None,
) -> None:
    """Score a bundle on every protocol of a data set."""
    from ccreid.datasets import read_benchmark

    benchmark = read_benchmark(dataset, data)
    folder = folder_to_write(out_dir, f"evaluate-{dataset}")
    if is_shared(devices, nodes):
        run_shared(devices, nodes, rendezvous, None if out_dir else folder)
        return
    from ccreid.evaluation.refinement import Refinement
    from ccreid.runs import score

    show_where(dataset, data, folder)
    with watching() as follow:
        report = score.evaluate_bundle(
            bundle,
            benchmark,
            folder,
            flip=flip,
            device=device,
            skip_unreadable=skip_unreadable,
            refinement=Refinement(camera_means, centralise, rerank),
            watch=follow(),
        )
    show_report(report, folder)


def publish(
    run_folder: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a finished run.")],
    out_dir: Annotated[Path, typer.Option("--out", metavar="DIR", help="The bundle to write.")],
    data: MovedDataOption = None,
    mean_with: Annotated[
        Path | None,
        typer.Option(metavar="BUNDLE", help="Take the mean of the run's weights and of its, e.g. what it began with."),
    ] = None,
    precision: Annotated[
        Precision | None, typer.Option(help="What the bundle computes in \\[default: as trained].")
    ] = None,
) -> None:
    """Make a run's bundle fit to share: half the size, scored as it is stored, with a model card."""
    from ccreid.machine.files import check_writable
    from ccreid.runs import publish

    check_writable(out_dir)
    with watching() as follow:
        report = publish.publish(run_folder, out_dir, follow(), data=data, mean_with=mean_with, precision=precision)
    show_bundle(report, out_dir)


def project(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="A bundle of a training, or the run folder of one.")],
    dataset: Annotated[str, typer.Option(metavar="NAME", help="Data set whose training people are to be told apart.")],
    out_dir: Annotated[Path, typer.Option("--out", metavar="DIR", help="The bundle to write.")],
    data: DataOption = None,
    dimension: Annotated[int, typer.Option(min=1, metavar="D", help="Of the projected embeddings.")] = 256,
) -> None:
    """Shorten a bundle's embeddings to what tells people apart, learnt from people whom it has best not seen."""
    from ccreid.datasets import read_benchmark
    from ccreid.machine.files import check_writable
    from ccreid.runs import project

    check_writable(out_dir)
    benchmark = read_benchmark(dataset, data)
    with watching() as follow:
        report = project.project(bundle, benchmark, out_dir, follow(), dimension=dimension)
    show_bundle(report, out_dir)


def compare(
    bundles: Annotated[list[Path], typer.Argument(metavar="BUNDLE...", help="Bundles, or run folders.")],
    datasets: Annotated[
        list[str],
        typer.Option("--dataset", metavar="NAME[=DIR]", help="Data set to score on, with its folder; repeatable."),
    ],
    out_dir: OutOption = None,
) -> None:
    """Score several bundles on several data sets; print a matrix, and how each differs from the first."""
    from ccreid.datasets import read_benchmark
    from ccreid.report.tables import about_the_data, comparison_table, paired_table
    from ccreid.runs import compare

    pairs = [word.partition("=") for word in datasets]
    benchmarks = [read_benchmark(name, Path(root) if root else None) for name, _, root in pairs]
    folder = folder_to_write(out_dir, "compare")
    refuse_taken(folder, compare.RESULT)
    with watching() as follow:
        matrix = compare.compare(bundles, benchmarks, folder, follow)
    for name, differences in matrix.paired.items():
        reports = {bundle: row[name] for bundle, row in matrix.reports.items()}
        console.out.print()
        console.out.print(comparison_table(reports, f"{name}, in percent"))
        if differences:
            console.out.print(paired_table(differences))
        for sentence in about_the_data(next(iter(reports.values())).benchmark):
            console.warn(sentence)
    console.say(f"Reports: {folder}")
    console.say(f"Page to look at: {folder / compare.PAGE}")
