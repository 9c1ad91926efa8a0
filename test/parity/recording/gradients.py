"""Logits, losses and gradients of base and adapted models."""

import math

import torch

from .base_models import LLAMA, attach, load_base, module_of, write_base
from .combinations import lora_layers
from .files import OUT, rounded, save_adapter, write_json, write_tensors


def make_inputs(seed, vocab_size, rows=2, length=16):
    """Ids and HF labels (unshifted, -100 = not trained): prompts of unequal length, and a hole in the middle."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, vocab_size, (rows, length), generator=generator)
    labels = ids.clone()
    for row in range(rows):
        labels[row, : 3 + 2 * row] = -100
        labels[row, 9 + row] = -100
    return ids, labels


def run(model, ids, labels):
    """Logits, and the cross-entropy summed over labels (label i is predicted at i - 1), in the logits' own dtype."""
    logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
    flat = logits[:, :-1].reshape(-1, logits.shape[-1])
    loss_sum = torch.nn.functional.cross_entropy(flat, labels[:, 1:].reshape(-1), ignore_index=-100, reduction="sum")
    return logits, loss_sum


def backward(model, ids, labels, trained):
    """Logits, loss sum, and the gradients of the MEAN loss for every parameter whose name `trained` accepts."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(trained(name))
        parameter.grad = None
    logits, loss_sum = run(model, ids, labels)
    count = int((labels[:, 1:] != -100).sum())
    (loss_sum / count).backward()
    check_close(model(input_ids=ids, labels=labels, use_cache=False).loss.item(), loss_sum.item() / count, 1e-5)
    gradients = {name: p.grad for name, p in model.named_parameters() if trained(name)}
    assert all(gradient.abs().max() > 0 for gradient in gradients.values()), "a gradient is zero: it would test nothing"
    return logits.detach(), loss_sum.item(), gradients


def is_adapter(name):
    return ".lora_" in name


def check_close(ours, theirs, bound):
    assert abs(ours - theirs) <= bound * max(1, abs(theirs)), (ours, theirs)


def worst(approximate, exact):
    """Largest deviation, relative to the largest magnitude in the tensor."""
    return ((approximate.double() - exact.double()).abs().max() / exact.double().abs().max()).item()


def greedy(model, prompt, count):
    """Greedy continuation by whole forward passes (no cache), and the smallest lead of a chosen token over the next."""
    ids, lead = list(prompt), math.inf
    with torch.no_grad():
        for _ in range(count):
            top = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].topk(2)
            lead = min(lead, (top.values[0] - top.values[1]).item())
            ids.append(int(top.indices[0]))
    return ids[len(prompt) :], lead


def record_model(folder, seed, config, respell=False, full_gradients=False):
    write_base(folder / "base", seed, config, respell)
    ids, labels = make_inputs(seed, config["vocab_size"])
    write_json(folder / "inputs.json", {"input_ids": ids.tolist(), "labels": labels.tolist()})
    tensors, expected = {}, {"labelCount": int((labels[:, 1:] != -100).sum()), "base": {}, "adapted": {}}

    exact = load_base(folder / "base", torch.float64)
    logits, loss_sum, gradients = backward(exact, ids, labels, lambda name: True)
    tensors["logits"] = logits
    expected["base"] = summary(exact, ids, loss_sum, expected["labelCount"])
    if full_gradients:
        write_tensors(folder / "full-gradients.safetensors", rounded(gradients))
    if config["model_type"] in ("mistral", "phi3") and "sliding_window" in config:  # all layers slide
        expected["base"]["reachOfToken0"] = reach_of_token_0(exact, ids)
        assert expected["base"]["reachOfToken0"] == config["num_hidden_layers"] * (config["sliding_window"] - 1)
    plain_logits = run(load_base(folder / "base"), ids, labels)[0]
    expected["base"]["float32Deviation"] = worst(plain_logits, logits)

    adapted = attach(
        load_base(folder / "base"),
        torch.Generator().manual_seed(seed + 100),
        r=4,
        lora_alpha=8,
        target_modules="all-linear",
    )
    save_adapter(adapted, "default", folder / "adapter", folder.name)
    _, _, plain = backward(adapted, ids, labels, is_adapter)
    plain = {name: gradient.clone() for name, gradient in plain.items()}
    logits, loss_sum, gradients = backward(adapted.double(), ids, labels, is_adapter)
    tensors["adapted_logits"] = logits
    tensors.update({f"gradient.{module_of(name)}": gradient for name, gradient in gradients.items()})
    expected["adapted"] = summary(adapted, ids, loss_sum, expected["labelCount"])
    expected["adapted"]["float32Deviation"] = max(worst(plain[name], gradients[name]) for name in gradients)
    write_tensors(folder / "expected.safetensors", rounded(tensors))
    write_json(folder / "expected.json", expected)


def summary(model, ids, loss_sum, count):
    continuation, lead = greedy(model, ids[0, :6].tolist(), 10)
    return {"lossSum": loss_sum, "lossMean": loss_sum / count, "greedyFrom6": continuation, "greedySmallestLead": lead}


def reach_of_token_0(model, ids):
    """The last position whose logits token 0 can change: each layer carries it over window - 1 positions."""
    other = ids.clone()
    other[:, 0] = (other[:, 0] + 1) % model.config.vocab_size
    with torch.no_grad():
        changed = (model(input_ids=ids).logits != model(input_ids=other).logits).any(dim=-1).any(dim=0)
    return int(changed.nonzero().max())


def record_patterns(folder):
    """rank_pattern + alpha_pattern + use_rslora, and targets given as a regular expression."""
    base = OUT / "llama-tiny" / "base"
    ids, labels = make_inputs(11, LLAMA["vocab_size"])
    recipes = {
        "patterns": dict(
            r=4,
            lora_alpha=8,
            use_rslora=True,
            target_modules=["q_proj", "v_proj", "up_proj", "layers.1.mlp.down_proj"],
            rank_pattern={"layers.1.self_attn.q_proj": 6, "v_proj": 2},
            alpha_pattern={"layers.0.self_attn.q_proj": 3, "up_proj": 16},
        ),
        "regex": dict(r=3, lora_alpha=5, target_modules=r".*layers\.[1]\..*(k_proj|gate_proj)", lora_dropout=0.25),
    }
    tensors, expected = {}, {}
    for number, (name, recipe) in enumerate(recipes.items()):
        model = attach(load_base(base), torch.Generator().manual_seed(200 + number), **recipe)
        save_adapter(model.eval(), "default", folder / name, "llama-tiny")
        logits, loss_sum, gradients = backward(model.double(), ids, labels, is_adapter)
        tensors[f"{name}.logits"] = logits
        tensors.update({f"{name}.gradient.{module_of(path)}": gradient for path, gradient in gradients.items()})
        scaling = {
            path.removeprefix("base_model.model."): layer.scaling["default"]
            for path, layer in lora_layers(model, "default").items()
        }
        expected[name] = {"lossSum": loss_sum, "scaling": scaling}
    write_tensors(folder / "expected.safetensors", rounded(tensors))
    write_json(folder / "expected.json", expected)
