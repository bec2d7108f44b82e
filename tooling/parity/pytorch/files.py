"""safetensors and JSON files."""

import json
import struct

import torch

DTYPES = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I32": torch.int32, "U8": torch.uint8}
#: What NumPy reads of elements of so many bytes.
WORDS = {1: torch.uint8, 2: torch.int16, 4: torch.int32}


def write_safetensors(path, tensors):
    """Floating-point tensors and bytes in their own dtype (float64 as float32), other whole numbers as int32."""
    header, chunks, position = {}, [], 0
    for name, value in tensors.items():
        if value.dtype == torch.float64:
            value = value.float()
        elif value.dtype == torch.int64:
            value = value.int()
        dtype = next(key for key, dtype in DTYPES.items() if dtype == value.dtype)
        data = value.contiguous().view(WORDS[value.element_size()])
        chunks.append(data.numpy().astype(data.numpy().dtype.newbyteorder("<")).tobytes())
        end = position + len(chunks[-1])
        header[name] = {"dtype": dtype, "shape": list(value.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(chunks))


def read_safetensors(path):
    data = path.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = torch.frombuffer(bytearray(data[begin:end]), dtype=DTYPES[entry["dtype"]])
        tensors[name] = values.view(entry["shape"])
    return tensors


def write_json(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value) + "\n")
