"""Whole training runs with torch's AdamW."""

import copy
import math
import tempfile
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from peft.optimizers import create_loraplus_optimizer
from transformers import get_cosine_schedule_with_warmup

from .base_models import attach, load_base
from .files import OUT, save_adapter, write_json
from .gradients import run


def counting_batch(generator, rows=2, length=12):
    """Rows that count upwards by a step of their own, with a prompt of random length: something that can be learnt."""
    ids, labels = [], []
    for _ in range(rows):
        start, step, prompt = (
            int(torch.randint(low, high, (1,), generator=generator)) for low, high in ((3, 97), (1, 4), (1, 7))
        )
        row = [3 + (start + step * position) % 90 for position in range(length)]
        ids.append(row)
        labels.append([-100] * prompt + row[prompt:])
    return {"input_ids": ids, "labels": labels}


def record_run(
    folder, seed, steps, micro, lr, warmup, weight_decay, clip, schedule, plus=None, plus_embedding=None, base="llama-tiny", **options
):  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    name, base = base, OUT / base / "base"
    batches = [[counting_batch(generator) for _ in range(micro)] for _ in range(steps)]
    adapter = {"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "b_zero": True, **options}
    results = {}
    for dtype in (torch.float64, torch.float32):
        own = torch.Generator().manual_seed(seed + 1)
        model = attach(load_base(base), own, **adapter)
        with torch.no_grad():
            for path, parameter in sorted(model.named_parameters()):
                if "lora_embedding_B" in path:  # of embeddings PEFT begins with A zero and B normal, from torch's own seed
                    parameter.copy_(torch.randn(parameter.shape, generator=own))
        if dtype == torch.float32:
            save_adapter(model, "default", folder / "initial", name)
        results[dtype] = train(
            model.to(dtype), batches, steps, lr, warmup, weight_decay, clip, schedule, plus, plus_embedding
        )
    curve, model = results[torch.float32]
    exact, _ = results[torch.float64]
    save_adapter(model, "default", folder / "final", name)
    deviation = max(abs(a - b) for a, b in zip(curve["losses"], exact["losses"]))
    assert deviation < 1e-5, f"float32 and float64 runs part: {deviation}"
    assert curve["losses"][-1] < curve["losses"][0] - 0.5, "the run learnt nothing: it would test little"
    settings = {
        "lr": lr, "schedule": schedule, "warmupSteps": warmup, "steps": steps, "betas": [0.9, 0.999], "eps": 1e-8,
        "weightDecay": weight_decay, "clipNorm": clip, "batches": batches,
    }  # fmt: skip
    if name != "llama-tiny":
        settings["base"] = name
    if plus is not None:
        settings["loraPlusRatio"] = plus
    if plus_embedding is not None:
        settings["loraPlusEmbeddingRate"] = plus_embedding
    write_json(folder / "run.json", settings)
    write_json(folder / "expected.json", {**curve, "lossDeviationFromFloat64": deviation})


def train(model, batches, steps, lr, warmup, weight_decay, clip, schedule, plus=None, plus_embedding=None):
    """Loss of a step = sum over the labels of all its micro-batches / their count: the same as one large batch."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if plus is None:
        optimizer = torch.optim.AdamW(trained, lr=lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=weight_decay)
    else:
        rates = {} if plus_embedding is None else {"loraplus_lr_embedding": plus_embedding}
        optimizer = create_loraplus_optimizer(
            model, torch.optim.AdamW, lr=lr, loraplus_lr_ratio=plus, loraplus_weight_decay=weight_decay, **rates
        )
    scheduler = get_cosine_schedule_with_warmup(optimizer, warmup, steps) if schedule == "cosine" else None
    curve = {"losses": [], "learningRates": [], "gradientNorms": []}
    model.train()
    for step in batches:
        step = [{name: torch.tensor(values) for name, values in batch.items()} for batch in step]
        count = sum(int((batch["labels"][:, 1:] != -100).sum()) for batch in step)
        optimizer.zero_grad()
        total = 0.0
        for batch in step:
            _, loss_sum = run(model, batch["input_ids"], batch["labels"])
            (loss_sum / count).backward()
            total += loss_sum.item()
        norm = torch.nn.utils.clip_grad_norm_(trained, clip if clip is not None else math.inf)
        curve["losses"].append(total / count)
        curve["learningRates"].append(optimizer.param_groups[0]["lr"])
        curve["gradientNorms"].append(norm.item())
        optimizer.step()
        if scheduler:
            scheduler.step()
    if clip is not None:
        assert any(norm > clip for norm in curve["gradientNorms"]), "clipping never acted: it would not be tested"
    return curve, model


def record_converted_run(folder, seed, steps, lr, base, **options):
    """A run that begins with factors of the base's weights, saved converted to the base as it was."""
    name, generator = base, torch.Generator().manual_seed(seed)
    batches = [[counting_batch(generator)] for _ in range(steps)]
    config = LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules="all-linear", **options)
    model = get_peft_model(load_base(OUT / base / "base"), config)
    with tempfile.TemporaryDirectory() as scratch:
        initial = Path(scratch) / "initial"
        plain = copy.deepcopy(model.peft_config["default"])
        plain.init_lora_weights = True
        model.peft_config["default"], asked = plain, model.peft_config["default"]
        model.save_pretrained(initial)
        save_adapter(model, "default", folder / "initial", name)
        model.peft_config["default"] = asked
        curve, model = train(model, batches, steps, lr, 0, 0.0, None, "constant")
        save_adapter(model, "default", folder / "final", name, path_initial_model_for_weight_conversion=str(initial))
    learnt = sum(curve["losses"][:5]) / 5 - sum(curve["losses"][-5:]) / 5
    assert learnt > 0.5, f"the run learnt nothing: it would test little: {curve}"
    settings = {
        "base": name, "lr": lr, "schedule": "constant", "warmupSteps": 0, "steps": steps, "betas": [0.9, 0.999],
        "eps": 1e-8, "weightDecay": 0.0, "clipNorm": None, "batches": batches,
    }  # fmt: skip
    write_json(folder / "run.json", settings)
    write_json(folder / "expected.json", curve)
