"""merge_and_unload, and torch's rounding to half precision."""

import json
import math

import torch
from peft import PeftModel

from .base_models import load_base
from .files import OUT, rounded, write_json, write_tensors
from .gradients import make_inputs, run


def record_merge(folder):
    """merge_and_unload of llama-tiny's adapter: on the float32 base, and on the same base rounded to bfloat16."""
    source = OUT / "llama-tiny"
    for dtype, name in ((torch.float32, "f32"), (torch.bfloat16, "bf16")):
        base = load_base(source / "base", dtype)
        if dtype == torch.bfloat16:
            base.save_pretrained(folder / "base-bf16")
            (folder / "base-bf16" / "generation_config.json").unlink(missing_ok=True)
            config = json.loads((source / "base" / "config.json").read_text())
            write_json(folder / "base-bf16" / "config.json", {**config, "torch_dtype": "bfloat16"})
            ids, labels = make_inputs(11, base.config.vocab_size)
            exact = run(load_base(folder / "base-bf16", torch.float64), ids, labels)[0]
            write_tensors(folder / "base-bf16-logits.safetensors", rounded({"logits": exact}))
        before = {path: tensor.clone() for path, tensor in base.state_dict().items()}
        merged = PeftModel.from_pretrained(base, source / "adapter").merge_and_unload().state_dict()
        changed = {path: tensor for path, tensor in merged.items() if not torch.equal(tensor, before[path])}
        assert len(changed) == 14, sorted(changed)
        write_tensors(folder / f"{name}.safetensors", changed)


def record_rounding(folder):
    """float32 -> bfloat16 / float16: random bit patterns, ties and their neighbours, subnormals, the overflow edge."""
    generator = torch.Generator().manual_seed(7)
    random = torch.randint(-(2**31), 2**31, (2048,), generator=generator).to(torch.int32).view(torch.float32)
    near_f16 = torch.randn(512, generator=generator) * torch.logspace(-8, 5, 512)
    ties = []
    for kind in (torch.bfloat16, torch.float16):
        low = torch.randint(0, 0x7B00, (256,), generator=generator).to(torch.int16)
        middle = (low.view(kind).double() + (low + 1).view(kind).double()) / 2
        middle = middle[middle.float().double() == middle].float()
        ties += [middle, torch.nextafter(middle, torch.tensor(math.inf)), -torch.nextafter(middle, torch.tensor(0.0))]
    edges = [0.0, -0.0, math.inf, -math.inf, math.nan, 65504.0, 65519.996, 65520.0, -65520.0]
    edges += [2.0**-24, 2.0**-25, 1.5 * 2.0**-25, 2.0**-14, 3.4028235e38, 3.3961776e38, 1e-45, 9.2e-41]
    edges = torch.tensor(edges)
    values = torch.cat([random, near_f16, *ties, edges])
    values = values[~values.isnan() | (torch.arange(len(values)) >= len(values) - len(edges))]
    write_tensors(
        folder / "vectors.safetensors",
        {"f32": values, "bf16": values.to(torch.bfloat16), "f16": values.to(torch.float16)},
    )
