"""The step of `bench:gpu` with torch, transformers and PEFT: bfloat16, sdpa, LoRA r=16 on all linear layers, random adapters.

    python train_with_peft.py BASE ROWS LENGTH eager|compile WARM_UP TIMED

Prints one line of JSON: the median seconds of a step, the peak of allocated and of reserved memory in bytes, and versions.
"""

import json
import statistics
import sys
import time

import peft
import torch
import transformers

base, rows, length, mode, warm_up, timed = sys.argv[1:]
rows, length, warm_up, timed = int(rows), int(length), int(warm_up), int(timed)
device = "cuda" if torch.cuda.is_available() else "cpu"
model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16, attn_implementation="sdpa").to(device)
model.config.use_cache = False
config = peft.LoraConfig(r=16, lora_alpha=32, target_modules="all-linear", task_type="CAUSAL_LM")
# adapters in float32, as PEFT makes them of a base in bfloat16
model = peft.get_peft_model(model, config, autocast_adapter_dtype=True)
model.train()
trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01, fused=device == "cuda")
run = torch.compile(model) if mode == "compile" else model
generator = torch.Generator().manual_seed(1)
tokens = torch.randint(model.config.vocab_size, (rows, length + 1), generator=generator).to(device)


def step():
    with torch.autocast(device, dtype=torch.bfloat16):
        logits = run(input_ids=tokens[:, :-1]).logits
    loss = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()  # waits for the device


seconds = []
for i in range(warm_up + timed):
    started = time.perf_counter()
    step()
    if i >= warm_up:
        seconds.append(time.perf_counter() - started)
on_card = device == "cuda"
print(
    json.dumps(
        {
            "seconds": statistics.median(seconds),
            "allocatedBytes": torch.cuda.max_memory_allocated() if on_card else None,
            "reservedBytes": torch.cuda.max_memory_reserved() if on_card else None,
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__},
        }
    )
)
