"""Records what bitsandbytes makes of a packed base, and torch and PEFT of LoRA on it, into ./fixtures.

    pip install -r requirements.txt && pip install --no-deps bitsandbytes==0.50.2
    python record-packed.py

Seeded, one CPU thread: a second run writes the same bytes.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import torch
import transformers

from recording.files import OUT
from recording.packed import record_packed

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
record_packed(OUT / "nf4-nested")
record_packed(OUT / "nf4-plain", double_quant=False)
