"""A base whose linear modules are packed by bitsandbytes, and LoRA on it: needs bitsandbytes, see README.md."""

import bitsandbytes.functional as bnb
import torch

from .base_models import LLAMA, attach, load_base, module_of, write_base
from .files import rounded, save_adapter, write_json, write_tensors
from .gradients import backward, is_adapter, make_inputs

CONFIG = {**LLAMA, "hidden_size": 64, "intermediate_size": 128, "head_dim": 16, "tie_word_embeddings": True}
SECTION = {
    "quant_method": "bitsandbytes",
    "_load_in_4bit": True,
    "load_in_4bit": True,
    "bnb_4bit_quant_type": "nf4",
    "bnb_4bit_use_double_quant": True,
    "bnb_4bit_quant_storage": "uint8",
    "bnb_4bit_compute_dtype": "float32",
    "llm_int8_skip_modules": ["lm_head"],
}


def record_packed(folder, double_quant=True):
    """Packed tensors as bitsandbytes saves them, the values it makes of them again, and logits, loss and gradients with those values."""
    write_base(folder / "base", 31, CONFIG)
    base = load_base(folder / "base")
    stored, unpacked = {}, {}
    for name, tensor in base.state_dict().items():
        if name == "lm_head.weight":
            continue
        if not name.endswith("proj.weight"):
            stored[name] = tensor
            continue
        codes, state = bnb.quantize_4bit(tensor, blocksize=64, compress_statistics=double_quant, quant_type="nf4")
        stored[name] = codes
        stored.update({f"{name}.{key}": part for key, part in state.as_dict(packed=True).items()})
        unpacked[name] = bnb.dequantize_4bit(codes, state)
    section = {**SECTION, "bnb_4bit_use_double_quant": double_quant}
    (folder / "base" / "model.safetensors").unlink()
    write_tensors(folder / "base" / "model.safetensors", stored)
    write_json(folder / "base" / "config.json", {**CONFIG, "quantization_config": section})
    write_tensors(folder / "unpacked.safetensors", unpacked)

    ids, labels = make_inputs(31, CONFIG["vocab_size"])
    write_json(folder / "inputs.json", {"input_ids": ids.tolist(), "labels": labels.tolist()})
    base.load_state_dict(unpacked, strict=False)
    logits, base_loss, _ = backward(base.double(), ids, labels, lambda name: name.endswith("q_proj.weight"))
    tensors = {"logits": logits}
    adapted = attach(
        base.float(), torch.Generator().manual_seed(131), r=4, lora_alpha=8, target_modules="all-linear"
    )
    save_adapter(adapted, "default", folder / "adapter", folder.name)
    logits, loss, gradients = backward(adapted.double(), ids, labels, is_adapter)
    tensors["adapted_logits"] = logits
    tensors.update({f"gradient.{module_of(name)}": gradient for name, gradient in gradients.items()})
    write_tensors(folder / "expected.safetensors", rounded(tensors))
    count = int((labels[:, 1:] != -100).sum())
    write_json(folder / "expected.json", {"labelCount": count, "base": {"lossSum": base_loss}, "adapted": {"lossSum": loss}})
