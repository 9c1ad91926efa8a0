"""Records the fixtures that hold our engine to torch + transformers + PEFT.

    pip install -r requirements.txt
    python record.py                     # all cases, into ./fixtures
    python record.py --only merge run    # cases whose name contains one of the words

Everything is seeded and runs on one CPU thread, so a second run writes the same bytes. The numbers kept as truth are
computed with float64 weights wherever the libraries allow it and rounded once, to float32, when written.
"""

import argparse
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import peft
import torch
import transformers

from recording.base_models import MODELS
from recording.combinations import record_combinations
from recording.files import OUT
from recording.gradients import record_model, record_patterns
from recording.methods import record_variant
from recording.merging import record_merge, record_rounding
from recording.training import record_converted_run, record_run

RUN_20 = dict(seed=41, steps=20, micro=2, lr=2e-2, warmup=3, weight_decay=0.01, clip=1.0, schedule="cosine")
RUN_PLAIN = dict(seed=43, steps=20, micro=1, lr=1e-2, warmup=0, weight_decay=0.0, clip=None, schedule="constant")
RUN_PLUS = dict(RUN_PLAIN, seed=45, lr=2e-3, weight_decay=0.01, plus=8)
RUN_DORA = dict(RUN_PLAIN, seed=47, lr=3e-2, weight_decay=0.01, base="llama-untied", use_dora=True)
RUN_EMBEDDINGS = dict(
    RUN_PLAIN, seed=61, weight_decay=0.01, base="llama-untied", target_modules=["q_proj", "embed_tokens", "lm_head"]
)
RUN_SAVED = dict(
    RUN_PLAIN,
    seed=63,
    base="llama-untied",
    target_modules=["v_proj", "up_proj"],
    modules_to_save=["embed_tokens", "norm", "o_proj"],
)
CASES = {
    **{name: lambda folder, model=model: record_model(folder, **model) for name, model in MODELS.items()},
    "lora-patterns": record_patterns,
    "lora-run-20": lambda folder: record_run(folder, **RUN_20),
    "lora-run-plain": lambda folder: record_run(folder, **RUN_PLAIN),
    "lora-plus-run": lambda folder: record_run(folder, **RUN_PLUS),
    "dora": lambda folder: record_variant(
        folder, seed=71, base="llama-untied", r=4, lora_alpha=8, target_modules="all-linear", use_dora=True
    ),
    "embeddings": lambda folder: record_variant(
        folder, seed=73, base="llama-untied", r=4, lora_alpha=8, target_modules=["q_proj", "embed_tokens", "lm_head"]
    ),
    "saved": lambda folder: record_variant(
        folder,
        seed=75,
        base="llama-untied",
        r=2,
        lora_alpha=6,
        target_modules=["v_proj", "up_proj"],
        modules_to_save=["embed_tokens", "norm", "o_proj"],
    ),
    "tied": lambda folder: record_variant(
        folder,
        seed=77,
        base="llama-tiny",
        merges=False,
        r=2,
        lora_alpha=6,
        target_modules=["q_proj", "embed_tokens"],
        modules_to_save=["lm_head"],
    ),
    "dora-run": lambda folder: record_run(folder, **RUN_DORA),
    "embeddings-run": lambda folder: record_run(folder, **RUN_EMBEDDINGS),
    "embeddings-plus-run": lambda folder: record_run(
        folder, **dict(RUN_EMBEDDINGS, seed=265, lr=1e-2, plus=4, plus_embedding=2e-2)
    ),
    "saved-run": lambda folder: record_run(folder, **RUN_SAVED),
    "pissa-run": lambda folder: record_converted_run(
        folder, seed=51, steps=20, lr=1e-2, base="llama-untied", init_lora_weights="pissa"
    ),
    "olora-run": lambda folder: record_converted_run(
        folder, seed=53, steps=20, lr=1e-2, base="llama-untied", init_lora_weights="olora", use_rslora=True
    ),
    "combine": record_combinations,
    "merge": record_merge,
    "rounding": record_rounding,
}
# What PEFT did before 0.21: recorded only on demand, with that PEFT installed over the pinned one (see README.md).
OLDER = {"combine-peft-0.20": lambda folder: record_combinations(folder, only=["svd-two", "svd-three-unequal"])}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="*", default=[""], help="record the cases whose name contains one of these words"
    )
    parser.add_argument("--older", action="store_true", help="record what an older installed PEFT does instead")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    print(
        f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}", file=sys.stderr
    )
    for name, record in (OLDER if arguments.older else CASES).items():
        if any(word in name for word in arguments.only):
            print(name, file=sys.stderr)
            record(OUT / name)


if __name__ == "__main__":
    main()
