"""Rates that fall from the heads to the input of a network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import nn

from ccreid.methods import Group


def by_stage(groups: Sequence[Group], stages: Sequence[Sequence[nn.Parameter]], decay: float) -> list[Group]:
    """Split groups of parameters so that each stage of a backbone learns at a lower rate than the one after it.

    What is in no stage (neck, heads) learns at the whole rate of its group, the last stage at `decay` times that, the
    one before it at `decay` squared times that, ...

    Parameters
    ----------
    groups:
        A method's; each keeps its rate, as far as that is multiplied, and its first epoch.
    stages:
        The backbone's parameters, from the input on.
    decay:
        In (0, 1].

    Returns
    -------
    list of Group
        Of each group one that is in no stage, then one a stage; the empty ones too, so that their number stays whatever
        a method's parameters become.
    """
    place = {parameter: number for number, stage in enumerate(stages) for parameter in stage}
    split = []
    for group in groups:
        parts: dict[int, list[nn.Parameter]] = {number: [] for number in (-1, *range(len(stages)))}
        for parameter in group.parameters:
            parts[place.get(parameter, -1)].append(parameter)
        for number, parameters in parts.items():
            factor = 1.0 if number < 0 else decay ** (len(stages) - number)
            split.append(group._replace(parameters=tuple(parameters), rate=partial(_times, factor, group)))
    return split


def _times(factor: float, group: Group, epoch: int, learning_rate: float) -> float:
    return factor * group.rate(epoch, learning_rate)
