"""The Python side of the real-model checks.

    reference.py gguf <gguf> <our folder>                        -> worst deviation of every tensor from transformers' own reading
    reference.py logits <our folder> <adapter> <ids> <out>       -> logits of base and adapted model, float32
"""

import json
import os
import sys
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
import transformers
from peft import PeftModel, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def compare_gguf(gguf, folder):
    """The largest |difference| of any weight, relative to the largest weight of its tensor, and the names compared."""
    gguf = Path(gguf)
    theirs = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32).state_dict()
    ours = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).state_dict()
    worst, tensor = 0.0, None
    for name, truth in theirs.items():
        deviation = ((ours[name] - truth).abs().max() / truth.abs().max()).item()
        if not deviation <= worst:
            worst, tensor = deviation, name
    return {"tensors": len(theirs), "missing": sorted(set(theirs) ^ set(ours)), "worst": worst, "worstTensor": tensor}


def logits(folder, adapter, ids, out):
    ids = torch.tensor(json.loads(Path(ids).read_text()))
    base = exact(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager"))
    with torch.no_grad():
        tensors = {"base": base(input_ids=ids).logits}
        adapted = exact(PeftModel.from_pretrained(base, adapter))
        tensors["adapted"] = adapted(input_ids=ids).logits
        demand_loaded(adapted, adapter)
        layers = sum(1 for module in adapted.modules() if isinstance(module, LoraLayer))
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, out)
    return {"loraModules": layers}


def exact(model):
    """For evaluation; on a CPU bitsandbytes then multiplies in bfloat16, whatever type is asked for, unless a module takes itself to be in training."""
    model.eval()
    for module in model.modules():
        if type(module).__name__ == "Linear4bit":
            module.training = True
    return model


def demand_loaded(model, adapter):
    """PEFT only warns of tensors it found no place for, or no values for."""
    file = load_file(Path(adapter) / "adapter_model.safetensors")
    # beside the factors of an embedding PEFT would also save its frozen weight
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    assert set(file) == set(state), f"only in one of file and model: {sorted(set(file) ^ set(state))[:5]}"
    wrong = [name for name in file if not torch.equal(file[name].float(), state[name].float())]
    assert not wrong, f"not loaded: {wrong[:5]}"


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    print(json.dumps({"gguf": compare_gguf, "logits": logits}[command](*arguments)))
