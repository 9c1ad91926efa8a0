"""PEFT's add_weighted_adapter, and how far each result is from the weighted sum of the updates."""

import math
import shutil

import peft
import torch

from .base_models import attach, load_base
from .files import OUT, save_adapter, write_json


# No name may be a part of "lora_": PEFT would take it for a part of its own tensor names.
SOURCES = {
    "one": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj", "down_proj"]),
    "two": dict(r=4, lora_alpha=4, target_modules=["q_proj", "v_proj", "down_proj"]),
    "small": dict(r=2, lora_alpha=8, target_modules=["q_proj", "k_proj"]),
    "pattern": dict(
        r=4,
        lora_alpha=4,
        target_modules=["q_proj", "v_proj"],
        rank_pattern={"layers.1.self_attn.q_proj": 6},
        alpha_pattern={"layers.1.self_attn.q_proj": 3},
    ),
    "stabilised": dict(r=4, lora_alpha=8, target_modules=["q_proj", "v_proj"], use_rslora=True),
}
RECIPES = {
    "linear-two": ("linear", {"one": 0.7, "two": 0.3}),
    "linear-negative": ("linear", {"one": 1.0, "two": -0.5}),
    "linear-three": ("linear", {"one": 0.5, "two": 0.75, "stabilised": -0.25}),
    "linear-rslora-first": ("linear", {"stabilised": 0.5, "one": 0.5}),
    "linear-unequal-rank": ("linear", {"one": 0.5, "small": 0.5}),
    "linear-unequal-pattern": ("linear", {"one": 0.5, "pattern": 0.5}),
    "cat-two": ("cat", {"one": 0.7, "two": 0.3}),
    "cat-three-unequal": ("cat", {"one": 1.0, "small": -0.5, "pattern": 0.75}),
    "cat-rslora-first": ("cat", {"stabilised": 0.5, "one": 0.5}),
    "svd-two": ("svd", {"one": 0.7, "two": 0.3}),
    "svd-three-unequal": ("svd", {"one": 1.0, "small": -0.5, "pattern": 0.75}),
    "svd-rank-2": ("svd", {"one": 0.7, "two": 0.3}, 2),
    "svd-rslora-first": ("svd", {"stabilised": 0.5, "one": 0.5}),
    "one-adapter": ("svd", {"one": 0.5}),
}


def record_combinations(folder, only=None):
    if folder.exists():
        shutil.rmtree(folder)
    model = load_base(OUT / "llama-tiny" / "base")
    for number, (name, source) in enumerate(SOURCES.items()):
        model = attach(model, torch.Generator().manual_seed(300 + number), name=name, **source)
    deltas = {name: weighted_sum(model, {name: 1.0}) for name in SOURCES}
    results = {"peft": peft.__version__, "recipes": {}}
    for name, (kind, weights, *rank) in RECIPES.items():
        if only is not None and name not in only:
            continue
        entry = {"combination_type": kind, "weights": weights, **({"svd_rank": rank[0]} if rank else {})}
        results["recipes"][name] = entry
        torch.manual_seed(0)  # PEFT draws a random A and multiplies it by zero: unused rows are zeros of random sign
        try:
            model.add_weighted_adapter(list(weights), list(weights.values()), name, kind, *rank)
        except (ValueError, RuntimeError) as error:
            entry["refused"] = str(error)
            continue
        save_adapter(model, name, folder / name, "llama-tiny")
        entry["scaling"] = sorted({layer.scaling[name] for layer in lora_layers(model, name).values()})
        entry.update(distances(weighted_sum(model, {name: 1.0}), deltas, weights))
        model.delete_adapter(name)
    if only is None:
        for name in SOURCES:
            save_adapter(model, name, folder / "sources" / name, "llama-tiny")
    write_json(folder / "expected.json", results)


def lora_layers(model, adapter):
    return {
        path: layer for path, layer in model.named_modules() if hasattr(layer, "lora_A") and adapter in layer.lora_A
    }


def weighted_sum(model, weights):
    """Sum of weight * scaling * B @ A for each module, in float64."""
    total = {}
    for adapter, weight in weights.items():
        for path, layer in lora_layers(model, adapter).items():
            product = layer.lora_B[adapter].weight.double() @ layer.lora_A[adapter].weight.double()
            total[path] = total.get(path, 0) + weight * layer.scaling[adapter] * product
    return total


def distances(result, deltas, weights):
    """Distance from the true weighted sum, in relative Frobenius norm: of all modules together and of each."""
    squares, norm, modules = 0.0, 0.0, {}
    for path in sorted(result):
        truth = sum(weight * deltas[name][path] for name, weight in weights.items() if path in deltas[name])
        error, size = (result[path] - truth).pow(2).sum().item(), truth.pow(2).sum().item()
        squares, norm = squares + error, norm + size
        modules[path.removeprefix("base_model.model.")] = {
            "deltaNorm": result[path].norm().item(),
            "distance": math.sqrt(error / size),
        }
    return {"distance": math.sqrt(squares / norm), "modules": modules}
