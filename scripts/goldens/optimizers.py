"""Golden numbers for Tests/TrainingTests/OptimizerTests.swift, from torch.optim.

Usage: python scripts/goldens/optimizers.py > Tests/TrainingTests/Goldens/optimizers.json
"""

import json

import torch

SIZES = [3, 37, 10]  # bias, weight, scale: odd sizes, so that no vector width divides them
STEPS = 6


def run(kind, rates, **extra):
    """Steps three parameter groups with rates that change at every step, as a warm-up does."""
    generator = torch.Generator().manual_seed(7)
    parts = [torch.nn.Parameter(torch.randn(n, generator=generator)) for n in SIZES]
    start = torch.cat([p.detach() for p in parts]).tolist()
    groups = [{"params": [p]} for p in parts]
    if kind == "sgd":
        optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    else:
        optimizer = torch.optim.AdamW(groups, lr=0.1, **extra)
    gradients, after = [], []
    for step in range(STEPS):
        for group, rate in zip(optimizer.param_groups, rates(step)):
            group["lr"], momentum, group["weight_decay"] = rate
            if kind == "sgd":
                group["momentum"] = momentum
            else:
                group["betas"] = (momentum, extra["betas"][1])
        gradient = torch.randn(sum(SIZES), generator=generator) * 10.0 ** (1 - step)
        for p, g in zip(parts, gradient.split(SIZES)):
            p.grad = g.clone()
        optimizer.step()
        gradients.append(gradient.tolist())
        after.append(torch.cat([p.detach() for p in parts]).tolist())
    return {
        "start": start,
        "rates": [rates(step) for step in range(STEPS)],
        "gradients": gradients,
        "after": after,
    }


def sgd_rates(step):
    momentum = 0.8 + 0.02 * step
    return [(0.1 - 0.01 * step, momentum, 0.0), (0.01 * step, momentum, 5e-4), (0.01, momentum, 0.0)]


def adamw_rates(step):
    # AdamW corrects its bias by beta1 to the power t, so beta1 must not change on the way.
    return [(0.01, 0.9, 0.0), (0.002 * step, 0.9, 0.05), (0.001, 0.9, 0.0)]


def clip():
    """A gradient that the test can build too: multiples of 1/256, exact in float32."""
    index = torch.arange(10_007)
    gradient = ((index * 7919) % 1000 - 500).float() / 256
    p = torch.nn.Parameter(torch.zeros(10_007))
    p.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_([p], 10.0)
    return {
        "norm": torch.linalg.vector_norm(gradient.double()).item(),
        "clippedHead": p.grad[:4].tolist(),
    }


print(
    json.dumps(
        {
            "torch": torch.__version__,
            "sizes": SIZES,
            "sgd": run("sgd", sgd_rates),
            "adamw": run("adamw", adamw_rates, betas=(0.9, 0.99), eps=1e-8),
            "clip": clip(),
        },
        indent=None,
    )
)
