"""Muon: steps for matrices whose directions all have the same size, and Adam for everything else.

A gradient of a weight matrix has few large directions and many small ones; what is fine in an image, such as a thin
tail, is learned from the small ones. Muon (Jordan et al., 2024, https://kellerjordan.github.io/posts/muon) replaces the
mean gradient U S V' by about U V', and so learns them all at once. PyTorch's own `torch.optim.Muon` takes matrices
only, and multiplies in bfloat16, which is several times slower than float32 on most processors.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor
from torch.optim.adamw import adamw

MOMENTUM = 0.95
"""Of the mean of gradients, of which Nesterov's form is taken."""

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the odd polynomial that is applied to the singular values: it brings them near to 1 in few rounds."""

ROUNDS = 5
"""Applications of the polynomial; singular values of at least 0.0015 of the matrix's norm are between 0.68 and 1.21
after them, and smaller ones have grown by up to 485."""

STEP = 4.0
"""Spectral norm of a square matrix's step at a learning rate of 1, so that what is a good rate for Adam is one here.

Scaling every step to the root mean square of Adam's instead (Liu et al., 2025, arXiv:2502.16982) learns more slowly:
layers with few inputs, such as the one behind the latent, get too little."""

BETAS, EPSILON = (0.9, 0.999), 1e-8
"""Adam's, for what is no matrix."""


class Muon(torch.optim.Optimizer):
    """Weights of two dimensions or more by orthogonalised momentum, biases and norms by Adam.

    A convolution's weight (out, in, h, w) is taken as the matrix (out, in * h * w) that it multiplies patches by.

    Args:
        parameters: of a network.
        lr: learning rate, of both kinds.
        weight_decay: decoupled, of both kinds.
        fused: whether Adam's step is one kernel; where the device has such a one.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, weight_decay: float = 0.0, *, fused: bool) -> None:
        every = list(parameters)
        settings = {"lr": lr, "weight_decay": weight_decay, "capturable": False}
        groups = [
            {"params": chosen, "orthogonal": orthogonal}
            for orthogonal in (True, False)
            if (chosen := [parameter for parameter in every if (parameter.ndim >= 2) == orthogonal])
        ]
        super().__init__(groups, settings)
        self._fused = fused

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Change the weights by their gradients; those without one stay as they are."""
        for group in self.param_groups:
            learning = [parameter for parameter in group["params"] if parameter.grad is not None]
            if group["orthogonal"]:
                self._orthogonal_steps(learning, group)
            elif learning:
                self._adam_steps(learning, group)

    def _orthogonal_steps(self, weights: list[Tensor], group: dict[str, Any]) -> None:
        for weight in weights:
            gradient, state = cast(Tensor, weight.grad), self.state[weight]
            if not state:
                state["momentum"] = torch.zeros_like(weight)
            momentum = state["momentum"].mul_(MOMENTUM).add_(gradient)
            matrix = gradient.add(momentum, alpha=MOMENTUM).flatten(1)
            step = orthogonalised(matrix).view(weight.shape)
            rows, columns = matrix.shape
            size = STEP * max(1.0, rows / columns) ** 0.5
            if group["weight_decay"]:
                weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.sub_(step * (group["lr"] * size))

    def _adam_steps(self, parameters: list[Tensor], group: dict[str, Any]) -> None:
        states = [self.state[parameter] for parameter in parameters]
        for parameter, state in zip(parameters, states, strict=True):
            if not state:
                on = parameter.device if group["capturable"] or self._fused else torch.device("cpu")
                state["step"] = torch.zeros((), dtype=torch.float32, device=on)
                state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
        adamw(
            parameters,
            [cast(Tensor, parameter.grad) for parameter in parameters],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=self._fused,
            capturable=group["capturable"],
            amsgrad=False,
            beta1=BETAS[0],
            beta2=BETAS[1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=EPSILON,
            maximize=False,
        )


def orthogonalised(matrix: Tensor) -> Tensor:
    """About U V', where U S V' is the singular value decomposition of `matrix`, by Newton-Schulz iteration.

    All rounds are done on the smaller of the two products of the matrix with itself: X <- (a + b A + c A A) X with A =
    X X' keeps the row space, so the polynomials are multiplied up and applied to the matrix once.

    Args:
        matrix: (m, n), float32.

    Returns:
        (m, n); see `ROUNDS` for its singular values.
    """
    if matrix.shape[0] > matrix.shape[1]:
        return orthogonalised(matrix.T).T
    a, b, c = COEFFICIENTS
    start = matrix / (matrix.norm() + 1e-7)
    gram: Tensor = start @ start.T
    product: Tensor | None = None
    for number in range(ROUNDS):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal().add_(a)
        product = factor if product is None else factor @ product
        if number < ROUNDS - 1:
            gram = factor @ gram @ factor
    assert product is not None
    ended: Tensor = product @ start
    return ended
