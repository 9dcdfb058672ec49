"""Faster linear layers on a CPU: weights laid out as its matrix kernels want them, or in 8 bits."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

_LEVELS = 127
_TINY = 1e-12


class PackedLinear(nn.Module):
    """A linear layer in float32 whose weights oneDNN lays out in blocks once instead of for every batch.

    Input [..., in], output [..., out]. Raises AttributeError or RuntimeError where this torch or this machine can't.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), None)
        self.bias = linear.bias

    def forward(self, states: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        return torch.ops.mkldnn._linear_pointwise(states, self.weight, self.bias, "none", [], "")  # type: ignore[no-any-return]


class Int8Linear(nn.Module):
    """A linear layer whose products are of 8-bit integers, summed exactly in 32 bits: y = s_x s_w (q_x q_w) + bias.

    Each row of the input and of the weights has its own scale, so a row's output doesn't depend on the rows beside it:
    W8A8 with a scale per token and per channel, as in Dettmers et al. (2022), LLM.int8(), section 2, without its
    separate outliers. q is round(x / s), s the largest absolute value in the row over 127. Input [..., in] float32,
    output [..., out] float32.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()  # [out, in]
        self.scale = _scale(weight)[:, 0]  # [out]
        quantised = _quantise(weight, self.scale[:, None])
        # Copied: a single row or column may count as contiguous with strides that torch._int_mm misreads.
        self.weight = torch.empty(quantised.T.shape, dtype=torch.int8).copy_(quantised.T)  # [in, out]
        self.bias = linear.bias

    def forward(self, states: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        rows = states.reshape(-1, states.shape[-1])
        scale = _scale(rows)  # [rows, 1]
        sums = torch._int_mm(_quantise(rows, scale), self.weight)  # [rows, out] int32
        out = sums.float().mul_(scale).mul_(self.scale)
        if self.bias is not None:
            out.add_(self.bias)
        return out.reshape(*states.shape[:-1], -1)


def limit_kernel_caches() -> None:
    """Keep oneDNN from caching a kernel of a megabyte for each of a thousand batch sizes.

    Must be called before the first product; the user's own settings are left.
    """
    for name in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):  # torch's binding, and the library
        os.environ.setdefault(name, "32")


def int8_sums_exactly() -> bool:
    """Whether this CPU sums products of 8-bit integers in 32 bits. Older CPUs (without VNNI) add pairs in 16
    bits, which overflow silently."""
    rows = torch.tensor([[127, 127] * 64, [-127, -127] * 64], dtype=torch.int8)
    columns = torch.stack([rows[0], rows[1]], dim=1).contiguous()  # [128, 2]
    wanted = rows.long() @ columns.long()
    return bool((torch._int_mm(rows, columns).long() == wanted).all())


LayerPlace = tuple[nn.Module, str, nn.Linear]
"""(parent, name, child) of a linear layer in a model."""


def pack_linear(encoder: nn.Module, logits: Callable[[], list[Tensor]], tolerance: float) -> None:
    """Lay out the encoder's weights for the CPU's kernels, if that changes no logit by more than the tolerance."""
    before, replaced = logits(), list[LayerPlace]()
    try:
        replaced = replace_linear(encoder, PackedLinear)
        same = all((a - b).abs().max() <= tolerance for a, b in zip(logits(), before, strict=True))
    except (RuntimeError, AttributeError, TypeError):  # no such kernels here, or weights that the encoder itself uses
        same = False
    if not same:
        for parent, name, child in replaced:
            setattr(parent, name, child)


def replace_linear(module: nn.Module, kind: Callable[[nn.Linear], nn.Module]) -> list[LayerPlace]:
    """Replace every linear layer below the module, or none where one can't be made; returns the replaced layers."""
    found = [
        (parent, name, child)
        for parent in module.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear
    ]
    layers = [kind(child) for _, _, child in found]
    for (parent, name, _), layer in zip(found, layers, strict=True):
        setattr(parent, name, layer)
    return found


def _scale(rows: Tensor) -> Tensor:
    """[N, 1] of [N, *]: the largest absolute value of each row over 127."""
    return rows.abs().amax(dim=1, keepdim=True).clamp_(min=_TINY) / _LEVELS


def _quantise(rows: Tensor, scale: Tensor) -> Tensor:
    return (rows / scale).round_().to(torch.int8)
