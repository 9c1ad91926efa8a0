"""Variants of LoRA: logits, gradients with and without dropout, and merged weights of an adapter with random values."""

import numpy as np
import torch
from peft.tuners.lora import LoraLayer

from .base_models import attach, load_base
from .files import OUT, rounded, save_adapter, write_json, write_tensors
from .gradients import make_inputs, run

DROPOUT = dict(rate=0.25, seed=5)


def record_variant(folder, seed, base, merges=True, **adapter):
    base = OUT / base / "base"
    model = attach(load_base(base), torch.Generator().manual_seed(seed), **adapter)
    generator = torch.Generator().manual_seed(seed + 1)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            if "lora_magnitude_vector" in name:
                parameter.mul_(1 + 0.2 * torch.randn(parameter.shape, generator=generator))
            elif "modules_to_save" in name:
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
            elif "lora_embedding" in name:
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
    save_adapter(model, "default", folder / "adapter", base.parent.name)
    ids, labels = make_inputs(seed, model.config.vocab_size)
    write_json(folder / "inputs.json", {"input_ids": ids.tolist(), "labels": labels.tolist()})
    tensors, expected = {}, {"dropout": DROPOUT}
    model.double().eval()
    logits, expected["lossSum"], gradients = trained_gradients(model, ids, labels)
    tensors["logits"] = logits
    tensors.update({f"gradient.{saved_name(name)}": gradient for name, gradient in gradients.items()})
    replace_dropout(model, ids)
    model.train()
    _, expected["droppedLossSum"], gradients = trained_gradients(model, ids, labels)
    tensors.update({f"dropped.{saved_name(name)}": gradient for name, gradient in gradients.items()})
    write_tensors(folder / "expected.safetensors", rounded(tensors))
    write_json(folder / "expected.json", expected)
    if merges:  # of tied embeddings PEFT changes both when either is adapted, and only warns
        write_tensors(folder / "merged.safetensors", merged(base, model, folder))


def trained_gradients(model, ids, labels):
    """Logits, the summed loss, and the gradients of the mean loss by all that is trained."""
    model.zero_grad()
    logits, loss_sum = run(model, ids, labels)
    (loss_sum / int((labels[:, 1:] != -100).sum())).backward()
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.requires_grad}
    assert gradients and all(gradient.abs().max() > 0 for gradient in gradients.values())
    return logits.detach(), loss_sum.item(), gradients


def saved_name(path):
    """The name under which PEFT saves a parameter."""
    if "lora_magnitude" in path:
        path = path.removesuffix(".weight")
    return path.replace(".modules_to_save.default", "").replace(".default", "")


def merged(base, model, folder):
    from peft import PeftModel

    before = load_base(base)
    weights = {name: tensor.clone() for name, tensor in before.state_dict().items()}
    after = PeftModel.from_pretrained(before, folder / "adapter").merge_and_unload().state_dict()
    return {name: tensor for name, tensor in after.items() if not torch.equal(tensor, weights.get(name, tensor + 1))}


PRIME, SHIFT = np.uint64(2_147_483_579), np.uint64(1_013_904_223)


def mix(x):
    """The mixer of our masks: cubes modulo a prime."""
    y = (np.asarray(x, dtype=np.uint64) + SHIFT) % PRIME
    return y * y % PRIME * y % PRIME


class KnownMask(torch.nn.Module):
    """Dropout with the masks that our graphs draw for a seed: stream i is that of the i-th adapted module."""

    def __init__(self, stream):
        super().__init__()
        self.stream = stream

    def forward(self, x):
        rate, seed = DROPOUT["rate"], DROPOUT["seed"]
        key = mix(mix(seed) + np.uint64(self.stream))
        drawn = mix(mix(np.arange(x.numel())) + key)
        kept = torch.from_numpy(drawn >= np.uint64(round(rate * int(PRIME)))).reshape(x.shape)
        return x * kept / (1 - rate)


def replace_dropout(model, ids):
    """The modules are numbered in the order in which they run."""
    order, hooks = [], []
    for _, layer in model.named_modules():
        if isinstance(layer, LoraLayer):
            hooks.append(layer.register_forward_hook(lambda layer, *_: order.append(layer)))
    with torch.no_grad():
        model(input_ids=ids)
    for hook in hooks:
        hook.remove()
    for stream, layer in enumerate(order):
        layer.lora_dropout["default"] = KnownMask(stream)
