"""A CPU's linear layers, faster: the weights laid out as its matrix kernels want them, or in 8 bits. Checkpoints and
what is asked of them aren't known here.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from torch import Tensor, nn

_LEVELS = 127
_TINY = 1e-12


class PackedLinear(nn.Module):
    """A linear layer in float32 whose weights oneDNN has laid out in blocks once, and not for every batch anew.

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

    Each row of the input and each row of the weights has a scale of its own, so that a row's answer doesn't depend on
    the rows beside it and an outlier spoils no other: W8A8 with a scale a token and a channel, as in Dettmers et al.
    (2022), LLM.int8(), section 2, without its separate outliers. q is round(x / s), s the largest size in the row over
    127. Input [..., in] float32, output [..., out] float32.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        weight = linear.weight.detach()  # [out, in]
        self.scale = _scale(weight)[:, 0]  # [out]
        rounded = _rounded(weight, self.scale[:, None])
        # A copy, for a row or column of one may count as contiguous with strides that torch._int_mm misreads.
        self.weight = torch.empty(rounded.T.shape, dtype=torch.int8).copy_(rounded.T)  # [in, out]
        self.bias = linear.bias

    def forward(self, states: Tensor) -> Tensor:
        """[..., in] to [..., out]."""
        rows = states.reshape(-1, states.shape[-1])
        scale = _scale(rows)  # [rows, 1]
        sums = torch._int_mm(_rounded(rows, scale), self.weight)  # [rows, out] int32
        out = sums.float().mul_(scale).mul_(self.scale)
        if self.bias is not None:
            out.add_(self.bias)
        return out.reshape(*states.shape[:-1], -1)


def bound_caches() -> None:
    """Keep oneDNN from remembering a kernel for each of a thousand batch sizes, which are a megabyte each.

    To be called before the first product; settings of the user's own are left.
    """
    for name in ("LRU_CACHE_CAPACITY", "ONEDNN_PRIMITIVE_CACHE_CAPACITY"):  # of torch's binding, and of the library
        os.environ.setdefault(name, "32")


def sums_exactly() -> bool:
    """Whether this CPU sums products of 8-bit integers in 32 bits. Older ones (without VNNI) add pairs in 16, which
    overflow: then a layer would be wrong without a word."""
    rows = torch.tensor([[127, 127] * 64, [-127, -127] * 64], dtype=torch.int8)
    columns = torch.stack([rows[0], rows[1]], dim=1).contiguous()  # [128, 2]
    wanted = rows.long() @ columns.long()
    return bool((torch._int_mm(rows, columns).long() == wanted).all())


Place = tuple[nn.Module, str, nn.Linear]
"""(parent, name, child) of a linear layer in a model."""


def pack(encoder: nn.Module, answers: Callable[[], list[Tensor]], tolerance: float) -> None:
    """Lay out the encoder's weights for the CPU's kernels, if that changes no answer by more than the tolerance."""
    before, replaced = answers(), list[Place]()
    try:
        replaced = replace_linear(encoder, PackedLinear)
        same = all((a - b).abs().max() <= tolerance for a, b in zip(answers(), before, strict=True))
    except (RuntimeError, AttributeError, TypeError):  # no such kernels here, or weights that the encoder itself uses
        same = False
    if not same:
        for parent, name, child in replaced:
            setattr(parent, name, child)


def replace_linear(module: nn.Module, kind: Callable[[nn.Linear], nn.Module]) -> list[Place]:
    """Put another kind of layer in place of every linear layer below the module, or of none where one can't be made;
    gives what stood there."""
    found = [
        (parent, name, child)
        for parent in module.modules()
        for name, child in parent.named_children()
        if type(child) is nn.Linear
    ]
    made = [kind(child) for _, _, child in found]
    for (parent, name, _), layer in zip(found, made, strict=True):
        setattr(parent, name, layer)
    return found


def _scale(rows: Tensor) -> Tensor:
    """[N, 1] of [N, *]: what the largest number of each row, without its sign, is 127 times of."""
    return rows.abs().amax(dim=1, keepdim=True).clamp_(min=_TINY) / _LEVELS


def _rounded(rows: Tensor, scale: Tensor) -> Tensor:
    return (rows / scale).round_().to(torch.int8)
