"""The functions of Lab 4: their parameters, cases and named wrong answers."""

from __future__ import annotations

from labkit.check import cases_evidence as evidence
from labkit.check import cases_maps as cases
from labkit.check import hooks, mutants_display, mutants_evidence, mutants_fields, mutants_maps
from labkit.check.case import Mutant, Spec

SPECS: dict[str, Spec] = {
    spec.name: spec
    for spec in (
        Spec(
            "record",
            ("net", "names", "x"),
            hooks.cases,
            mutants_maps.RECORD,
            witness="the layers called one by one",
            adapt=hooks.recorded,
        ),
        Spec("stretch", ("maps",), cases.stretch, mutants_display.STRETCH),
        Spec(
            "montage",
            ("maps", "columns", "gap", "value"),
            cases.montage,
            mutants_display.MONTAGE,
            witness="torchvision",
        ),
        Spec("filter_pictures", ("weights",), cases.filter_pictures, mutants_display.FILTER_PICTURES),
        Spec(
            "map_shapes",
            ("image", "layers"),
            cases.map_shapes,
            mutants_maps.MAP_SHAPES,
            tensors=False,
            adapt=cases.as_table,
        ),
        Spec(
            "sparsity",
            ("maps",),
            cases.sparsity,
            mutants_maps.SPARSITY,
            parts=("zeros", "silent"),
            keeps=False,
        ),
        Spec(
            "receptive_field",
            ("layers",),
            evidence.receptive_field,
            mutants_fields.RECEPTIVE_FIELD,
            parts=("field", "jump"),
            tensors=False,
        ),
        Spec(
            "field_of",
            ("f", "x", "row", "col"),
            evidence.field_of,
            mutants_fields.FIELD_OF,
            parts=("top", "left", "height", "width"),
            keeps=False,
            witness="the arithmetic of f",
        ),
        Spec(
            "top_k",
            ("logits", "names", "k"),
            evidence.top_k,
            mutants_fields.TOP_K,
            parts=("names", "probabilities"),
            tensors=False,
            adapt=evidence.named,
        ),
        Spec(
            "occlusion_map",
            ("f", "x", "size", "stride", "fill"),
            evidence.occlusion_map,
            mutants_evidence.OCCLUSION_MAP,
            witness="the known falls of f",
        ),
        Spec("cam", ("maps", "weights", "label"), evidence.cam, mutants_evidence.CAM),
        Spec(
            "grad_cam",
            ("features", "head", "x", "label"),
            evidence.grad_cam,
            mutants_evidence.GRAD_CAM,
            witness="the known gradients",
        ),
    )
}
"""Function -> what its check needs."""
EXERCISES: dict[str, tuple[str, ...]] = {name: (name,) for name in SPECS}
"""Exercise, which is the name of its check -> the functions a student writes, in the order it takes them."""
MUTANTS: dict[str, tuple[Mutant, ...]] = {name: spec.mutants for name, spec in SPECS.items()}
"""Function -> its named wrong answers; `fn` is what a student would write."""
GIVEN = {"record": (hooks.tiny_net,)}
"""Exercise -> functions that stand in the cell from the start; its check takes them after the student's."""
