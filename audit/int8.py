"""Linear layers in 8 bits on a CPU: weights once, what goes into them row by row. No checkpoint is known here.

Each row of the input and each row of the weights has a scale of its own, so that a row's answer doesn't depend on the
rows beside it and an outlier spoils no other: W8A8 with a scale a token and a channel, as in Dettmers et al. (2022),
LLM.int8(), section 2, without its separate outliers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_LEVELS = 127
_TINY = 1e-12


class Int8Linear(nn.Module):
    """A linear layer whose products are of 8-bit integers, summed exactly in 32 bits: y = s_x s_w (q_x q_w) + bias.

    q is round(x / s), s the largest size in the row over 127. Input [..., in] float32, output [..., out] float32.
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


def to_int8(module: nn.Module) -> None:
    """Replace every linear layer below the module, in place."""
    for name, child in list(module.named_children()):
        if type(child) is nn.Linear:
            setattr(module, name, Int8Linear(child))
        else:
            to_int8(child)


def _scale(rows: Tensor) -> Tensor:
    """[N, 1] of [N, *]: what the largest number of each row, without its sign, is 127 times of."""
    return rows.abs().amax(dim=1, keepdim=True).clamp_(min=_TINY) / _LEVELS


def _rounded(rows: Tensor, scale: Tensor) -> Tensor:
    return (rows / scale).round_().to(torch.int8)
