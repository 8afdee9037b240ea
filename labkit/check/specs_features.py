"""The functions of Lab 5: their parameters, cases and named wrong answers."""

from __future__ import annotations

from labkit.check import blocks, mutants_blocks, mutants_features, mutants_similarity, mutants_stages
from labkit.check import cases_features as cases
from labkit.check.case import Mutant, Spec

SPECS: dict[str, Spec] = {
    spec.name: spec
    for spec in (
        Spec(
            "bottleneck",
            ("block", "x"),
            blocks.bottleneck,
            mutants_blocks.BOTTLENECK,
            witness="torchvision",
            adapt=blocks.built,
        ),
        Spec(
            "block_cost",
            ("c_in", "width", "stride", "size"),
            cases.block_cost,
            mutants_blocks.BLOCK_COST,
            parts=("params", "multiply_adds"),
            tensors=False,
            witness="torchvision",
        ),
        Spec(
            "prepare",
            ("photo", "resize", "crop", "mean", "std"),
            cases.prepare,
            mutants_stages.PREPARE,
            witness="the preprocessing of the weights",
        ),
        Spec("embed", ("stages", "x"), cases.embed, mutants_stages.EMBED, adapt=cases.side_by_side),
        Spec(
            "features_of",
            ("net", "x"),
            blocks.features_of,
            mutants_stages.FEATURES_OF,
            adapt=blocks.in_mood,
        ),
        Spec("cosine_matrix", ("a", "b"), cases.cosine_matrix, mutants_similarity.COSINE_MATRIX),
        Spec(
            "neighbours",
            ("similarity", "k"),
            cases.neighbours,
            mutants_similarity.NEIGHBOURS,
            adapt=cases.as_places,
        ),
        Spec(
            "margin",
            ("similarity", "labels"),
            cases.margin,
            mutants_similarity.MARGIN,
            parts=("same", "other"),
            witness="the mean over pairs",
        ),
        Spec("probe", ("features", "labels", "classes", "l2"), cases.probe, mutants_features.PROBE),
        Spec("pca", ("x", "k"), cases.pca, mutants_features.PCA, parts=("scores", "shares")),
        Spec(
            "linear_cka",
            ("x", "y"),
            cases.linear_cka,
            mutants_features.LINEAR_CKA,
            witness="the cosine of centred inner products",
        ),
    )
}
"""Function -> what its check needs."""
EXERCISES: dict[str, tuple[str, ...]] = {name: (name,) for name in SPECS}
"""Exercise, which is the name of its check -> the functions a student writes, in the order it takes them."""
MUTANTS: dict[str, tuple[Mutant, ...]] = {name: spec.mutants for name, spec in SPECS.items()}
"""Function -> its named wrong answers; `fn` is what a student would write."""
GIVEN = {"features_of": (blocks.moody_net,)}
"""Exercise -> functions that stand in the cell from the start; its check takes them after the student's."""
