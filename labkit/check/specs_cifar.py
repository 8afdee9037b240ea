"""The functions of Lab 6: their parameters, cases and named wrong answers."""

from __future__ import annotations

from labkit.check import cases_learning as learning
from labkit.check import cases_pictures as pictures
from labkit.check import cases_results as results
from labkit.check import mutants_learning, mutants_pictures, mutants_results, network
from labkit.check.case import Mutant, Spec

_ALL = (
    Spec(
        "channel_stats", ("images",), pictures.channel_stats, mutants_pictures.CHANNEL_STATS, ("mean", "std")
    ),
    Spec("normalise", ("images", "mean", "std"), pictures.normalise, mutants_pictures.NORMALISE, keeps=False),
    Spec(
        "stratified_split",
        ("labels", "order", "per_class"),
        pictures.stratified_split,
        mutants_pictures.STRATIFIED_SPLIT,
        ("train", "val"),
        witness="the definition",
        adapt=pictures.in_order,
    ),
    Spec(
        "augment",
        ("images", "dy", "dx", "flip", "pad"),
        pictures.augment,
        mutants_pictures.AUGMENT,
    ),
    network.SPEC,
    Spec(
        "sgd_step",
        ("net", "optimizer", "x", "labels"),
        learning.sgd_step,
        mutants_learning.SGD_STEP,
        ("loss", "weights"),
        adapt=learning.stepping,
    ),
    Spec(
        "fit",
        ("step", "images", "labels", "orders", "size"),
        learning.fit,
        mutants_learning.FIT,
        keeps=False,
        witness="the definition",
        adapt=learning.from_start,
    ),
    Spec(
        "evaluate",
        ("net", "images", "labels", "size"),
        learning.evaluate,
        mutants_learning.EVALUATE,
        ("loss", "accuracy"),
        keeps=False,
    ),
    Spec(
        "one_cycle",
        ("step", "steps", "peak", "warm"),
        learning.one_cycle,
        mutants_learning.ONE_CYCLE,
        tensors=False,
        witness="numpy",
    ),
    Spec(
        "early_stop",
        ("losses", "patience"),
        learning.early_stop,
        mutants_learning.EARLY_STOP,
        ("best", "last"),
        tensors=False,
        witness="the definition",
    ),
    Spec("confusion", ("truth", "predicted", "classes"), results.confusion, mutants_results.CONFUSION),
    Spec("worst_pairs", ("matrix", "k"), results.worst_pairs, mutants_results.WORST_PAIRS),
    Spec("recall", ("matrix",), results.recall, mutants_results.RECALL, keeps=False),
    Spec("balanced_error", ("matrix",), results.balanced_error, mutants_results.BALANCED_ERROR, keeps=False),
    Spec(
        "calibration",
        ("p", "labels", "bins"),
        results.calibration,
        mutants_results.CALIBRATION,
        ("confidence", "accuracy", "count", "gap"),
        keeps=False,
        adapt=results.whole_counts,
    ),
)
SPECS: dict[str, Spec] = {spec.name: spec for spec in _ALL}
"""Function that a student writes -> what its check needs."""

MUTANTS: dict[str, tuple[Mutant, ...]] = {spec.name: spec.mutants for spec in _ALL}
"""Function -> its named wrong answers; `fn` is what a student would write."""

EXERCISES: dict[str, tuple[str, ...]] = {
    "standardise": ("channel_stats", "normalise"),
    "stratified_split": ("stratified_split",),
    "augment": ("augment",),
    "build_net": ("build_net",),
    "sgd_step": ("sgd_step",),
    "fit": ("fit",),
    "evaluate": ("evaluate",),
    "one_cycle": ("one_cycle",),
    "early_stop": ("early_stop",),
    "my_predictions": (),
    "mistakes": ("confusion", "worst_pairs"),
    "balance": ("recall", "balanced_error"),
    "calibration": ("calibration",),
}
"""Exercise, which is the name of its check -> the functions a student writes, in the order it takes them."""

GIVEN = {"sgd_step": (learning.workbench,)}
"""Exercise -> functions that stand in the cell from the start; its check takes them after the student's."""
