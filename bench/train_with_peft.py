"""The step of `train-vs-peft` with torch, transformers and PEFT: takes one for each line it reads and prints its seconds and loss.

    python train_with_peft.py BASE ADAPTER TOKENS.json eager|compile THREADS
"""

import json
import resource
import sys
import time

import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

base, adapter, tokens_file, mode, threads = sys.argv[1:]
torch.set_num_threads(int(threads))
model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, attn_implementation="sdpa")
model.config.use_cache = False
model = PeftModel.from_pretrained(model, adapter, is_trainable=True)
model.train()
trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
optimizer = torch.optim.AdamW(trained, lr=1e-4, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
run = torch.compile(model) if mode == "compile" else model
tokens = torch.tensor(json.load(open(tokens_file)))


def step():
    started = time.perf_counter()
    logits = run(input_ids=tokens[None, :-1]).logits[0]
    loss = torch.nn.functional.cross_entropy(logits.float(), tokens[1:])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    return {"seconds": time.perf_counter() - started, "loss": loss.item()}


print(json.dumps({"parameters": sum(parameter.numel() for parameter in trained)}), flush=True)
for _ in sys.stdin:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**step(), "peakRssMb": max(peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}), flush=True)
