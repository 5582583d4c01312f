"""AdamW (Loshchilov & Hutter 2019, "Decoupled Weight Decay Regularization") by PyTorch's fused kernel.

torch.optim.AdamW makes the same call, but its steps ask PyTorch's compiler first, whose import takes more than a second
of a training's start.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.999)
EPSILON = 1e-8


class AdamW:
    """:param groups: parameters that share a rate; float32, on one device.

    `state` holds each parameter's "step", "exp_avg" and "exp_avg_sq" once it has been stepped.
    """

    def __init__(self, groups: Sequence[Sequence[nn.Parameter]], weight_decay: float):
        self._groups = groups
        self._weight_decay = weight_decay
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}

    @torch.no_grad()
    def step(self, rates: Sequence[float]) -> None:
        """One step down the gradients, which it then lets go of. :param rates: of each group."""
        for group, rate in zip(self._groups, rates, strict=True):
            self._step(group, rate)

    def _step(self, group: Sequence[nn.Parameter], rate: float) -> None:
        pairs = [(parameter, parameter.grad) for parameter in group]
        stepped = [parameter for parameter, gradient in pairs if gradient is not None]
        for parameter in stepped:
            if parameter not in self.state:
                self.state[parameter] = {
                    "step": torch.zeros((), device=parameter.device),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        states = [self.state[parameter] for parameter in stepped]
        if not states:
            return
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1)
        torch._fused_adamw_(
            list[Tensor](stepped),
            [gradient for _, gradient in pairs if gradient is not None],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            steps,
            lr=rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self._weight_decay,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )
        for parameter in stepped:
            parameter.grad = None
