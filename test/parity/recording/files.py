"""Writing fixtures so that two runs, and two machines, write the same bytes."""

import json
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save_file

OUT = Path(__file__).parent.parent / "fixtures"


def write_json(path, value):
    """JSON one can read in a diff: objects are indented, arrays of numbers stay on one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render_json(value, "") + "\n")


def render_json(value, indent):
    deeper = indent + "  "
    if isinstance(value, dict) and value:
        rows = [f"{deeper}{json.dumps(key)}: {render_json(item, deeper)}" for key, item in value.items()]
        return "{\n" + ",\n".join(rows) + "\n" + indent + "}"
    if isinstance(value, list) and value and isinstance(value[0], (dict, list)):
        return "[\n" + ",\n".join(deeper + render_json(item, deeper) for item in value) + "\n" + indent + "]"
    return json.dumps(value)


def write_tensors(path, tensors):
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path, {"format": "pt"})


def rounded(tensors):
    """float64 truth, rounded once."""
    return {name: tensor.detach().to(torch.float32) for name, tensor in tensors.items()}


def save_adapter(model, name, folder, base_name, **options):
    """Saves one adapter as PEFT does, then takes out what would differ between two runs or two machines."""
    if folder.exists():
        shutil.rmtree(folder)
    with tempfile.TemporaryDirectory() as scratch:
        model.save_pretrained(scratch, selected_adapters=[name], **options)
        saved = Path(scratch) if name == "default" else Path(scratch) / name
        folder.mkdir(parents=True)
        shutil.copyfile(saved / "adapter_model.safetensors", folder / "adapter_model.safetensors")
        config = json.loads((saved / "adapter_config.json").read_text())
    if isinstance(config["target_modules"], list):  # PEFT writes a set: its order is a new one in every process
        config["target_modules"] = sorted(config["target_modules"])
    config["base_model_name_or_path"] = base_name
    write_json(folder / "adapter_config.json", config)
