"""The tiny base models (random weights) and adapters on them."""

import math
import shutil

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from .files import write_json


LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "hidden_act": "silu",
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "torch_dtype": "float32",
}
QWEN2 = {
    **{key: value for key, value in LLAMA.items() if key not in ("architectures", "model_type")},
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "rms_norm_eps": 1e-6,
    "rope_theta": 1000000.0,
    "vocab_size": 101,
}
NEWER = {
    **{key: value for key, value in QWEN2.items() if key not in ("architectures", "model_type", "vocab_size")},
    "vocab_size": 71,
    "intermediate_size": 48,
    "pad_token_id": 0,
}
QWEN3 = {**NEWER, "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 12}
SMOLLM3 = {**NEWER, "architectures": ["SmolLM3ForCausalLM"], "model_type": "smollm3"}
GEMMA3 = {
    **{key: value for key, value in NEWER.items() if key != "hidden_act"},
    "architectures": ["Gemma3ForCausalLM"],
    "model_type": "gemma3_text",
    "hidden_activation": "gelu_pytorch_tanh",
    "head_dim": 12,
    "query_pre_attn_scalar": 20,
    "rope_local_base_freq": 30.0,
    "sliding_window": 4,
}
PHI3 = {**NEWER, "architectures": ["Phi3ForCausalLM"], "model_type": "phi3", "rope_theta": 100.0}

# `respell`: config.json is kept as the installed transformers saves it (`rope_parameters`, `dtype`, `layer_types`)
# instead of as checkpoints on the Hub spell it (`rope_theta`, `rope_scaling`, `torch_dtype`).
MODELS = {
    "llama-tiny": dict(
        seed=11,
        config={**LLAMA, "hidden_size": 48, "intermediate_size": 96, "head_dim": 16, "tie_word_embeddings": True},
        full_gradients=True,
    ),
    # Rotary wavelengths 6.3, 11.2, 19.9, 35.3, 62.8 ... against bounds 8 and 32: kept, blended and stretched all occur.
    "llama-untied": dict(
        seed=12,
        config={
            **LLAMA,
            "head_dim": 16,
            "attention_bias": True,
            "tie_word_embeddings": False,
            "rope_theta": 100.0,
            "rope_scaling": {
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 32,
            },
        },
        full_gradients=True,
    ),
    "llama-linear-rope": dict(
        seed=13,
        config={
            **LLAMA,
            "mlp_bias": True,
            "tie_word_embeddings": False,
            "rope_scaling": {"type": "linear", "factor": 4.0},
        },
    ),
    "mistral-tiny": dict(
        seed=14,
        config={
            **LLAMA,
            "architectures": ["MistralForCausalLM"],
            "model_type": "mistral",
            "sliding_window": 5,
            "tie_word_embeddings": False,
        },
        respell=True,
    ),
    "qwen2-tiny": dict(seed=15, config={**QWEN2, "tie_word_embeddings": True}, full_gradients=True),
    "qwen2-window": dict(
        seed=16,
        config={
            **QWEN2,
            "num_hidden_layers": 3,
            "use_sliding_window": True,
            "sliding_window": 4,
            "max_window_layers": 1,
            "tie_word_embeddings": False,
        },
        respell=True,
    ),
    "qwen3-tiny": dict(seed=17, config={**QWEN3, "tie_word_embeddings": True}),
    # Borders of the blend 0.7 and 3.0 of 6 frequencies: kept, blended and divided all occur.
    "qwen3-yarn": dict(
        seed=18,
        config={
            **QWEN3,
            "attention_bias": True,
            "use_sliding_window": True,
            "sliding_window": 4,
            "max_window_layers": 1,
            "tie_word_embeddings": False,
            "rope_theta": 100.0,
            "rope_scaling": {
                "rope_type": "yarn",
                "factor": 4.0,
                "original_max_position_embeddings": 16,
                "beta_fast": 1.5,
                "beta_slow": 0.25,
                "truncate": False,
            },
        },
        respell=True,
    ),
    # The second layer does not turn and has a window; dynamic scaling changes nothing up to 64 positions.
    "smollm3-tiny": dict(
        seed=19,
        config={
            **SMOLLM3,
            "num_hidden_layers": 3,
            "no_rope_layer_interval": 2,
            "use_sliding_window": True,
            "sliding_window": 5,
            "rope_theta": 100.0,
            "rope_scaling": {"type": "dynamic", "factor": 4.0},
        },
    ),
    "smollm3-listed": dict(
        seed=20,
        config={**SMOLLM3, "no_rope_layers": [0, 1], "tie_word_embeddings": False, "mlp_bias": True},
        respell=True,
    ),
    "gemma3-tiny": dict(
        seed=21,
        config={
            **GEMMA3,
            "sliding_window_pattern": 2,
            "rope_theta": 1000.0,
            "rope_scaling": {"rope_type": "linear", "factor": 8.0},
        },
        full_gradients=True,
    ),
    "gemma3-listed": dict(
        seed=22,
        config={
            **GEMMA3,
            "attention_bias": True,
            "layer_types": ["full_attention", "sliding_attention"],
            "tie_word_embeddings": False,
        },
        respell=True,
    ),
    # Rows of 16 tokens are longer than 8: long factors; the greedy continuation of 6 tokens begins with short ones.
    "phi3-long": dict(
        seed=23,
        config={
            **PHI3,
            "original_max_position_embeddings": 8,
            "rope_scaling": {
                "type": "longrope",
                "short_factor": [1.0, 1.1, 1.2, 1.3],
                "long_factor": [1.5, 2.5, 4.0, 8.0],
            },
            "tie_word_embeddings": False,
        },
    ),
    "phi3-partial": dict(
        seed=24,
        config={
            **PHI3,
            "num_key_value_heads": 4,
            "partial_rotary_factor": 0.5,
            "sliding_window": 5,
            "tie_word_embeddings": True,
        },
        respell=True,
    ),
}


def write_base(folder, seed, config, respell=False):
    """Random weights large enough that attention is far from uniform, norms far from one and biases far from zero."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    write_json(folder / "config.json", config)
    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder), attn_implementation="eager")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in sorted(model.named_parameters()):
            noise = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight"):
                # Gemma multiplies by 1 + weight
                parameter.copy_((0 if config["model_type"].startswith("gemma") else 1) + 0.2 * noise)
            elif name.endswith("bias") or "embed_tokens" in name or "lm_head" in name:
                parameter.copy_(0.3 * noise)
            else:
                parameter.copy_(noise * 1.2 / math.sqrt(parameter.shape[1]))
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    if not respell:
        write_json(folder / "config.json", config)


def load_base(folder, dtype=torch.float32):
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager")
    return model.eval()


def attach(model, generator, name="default", b_zero=False, **config):
    """Adds an adapter: A Kaiming-uniform as at the start of training, B random unless it is to be zero."""
    config = LoraConfig(task_type="CAUSAL_LM", **config)
    if isinstance(model, PeftModel):
        model.add_adapter(name, config)
    else:
        model = get_peft_model(model, config, adapter_name=name)
    with torch.no_grad():
        for path, parameter in sorted(model.named_parameters()):
            if f"lora_A.{name}." in path:
                bound = 1 / math.sqrt(parameter.shape[1])
                parameter.copy_((torch.rand(parameter.shape, generator=generator) * 2 - 1) * bound)
            elif f"lora_B.{name}." in path:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * (0 if b_zero else 0.15))
    return model


def module_of(path):
    """`base_model.model.<checkpoint module path>.lora_A.default.weight` -> `<checkpoint module path>.lora_A`."""
    module, _, rest = path.removeprefix("base_model.model.").partition(".lora_")
    return f"{module}.lora_{rest[0]}"
