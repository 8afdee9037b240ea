# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
#   labkit:
#     lab: 01_tensor
#     minutes: 5
#     run_seconds: 5
#     title: A toy lab with tensors
# ---

# %% [markdown]
# # A toy lab with tensors
# <!-- labkit:badge -->
#
# Two small functions. It needs PyTorch.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
# labkit:setup
from types import SimpleNamespace

import torch

import labkit.check


def _check_scale(fn, *, seed=None):
    x = torch.tensor([[1.0, 2.0], [4.0, 5.0]])
    if seed is not None:
        x = torch.rand(3, 5, generator=torch.Generator().manual_seed(int(str(seed)[:8], 16)))
    try:
        y = fn(x)
        right = isinstance(y, torch.Tensor) and y.shape == x.shape
        right = right and torch.allclose(y, (x - x.min()) / (x.max() - x.min()), atol=1e-5)
    except NotImplementedError:
        print("scale: not written yet")
        return 0.0
    except Exception as error:
        print(f"scale: stopped with {type(error).__name__}")
        return 0.0
    print("scale: right" if right else "scale: wrong")
    return float(right)


check = SimpleNamespace(corr2d=labkit.check.corr2d, scale=_check_scale)

# %% [markdown]
# ## 1. Correlate
# Write `corr2d(x, k)`: slide the kernel `k` over `x`.


# %% nbgrader={"grade": false, "grade_id": "corr2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def corr2d(x, k):
    """Return the correlation of x with k."""
    ### BEGIN SOLUTION
    return (x.unfold(0, k.shape[0], 1).unfold(1, k.shape[1], 1) * k).sum((-1, -2))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-corr2d", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.corr2d(corr2d)
### BEGIN HIDDEN TESTS
earned = check.corr2d(corr2d, seed=secret("corr2d"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# ## 2. Scale
# Write `scale(x)`: a tensor's values between 0 and 1.


# %% nbgrader={"grade": false, "grade_id": "scale", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scale(x):
    """Return x, moved and stretched so that its smallest value is 0 and its largest 1."""
    ### BEGIN SOLUTION
    return (x - x.min()) / (x.max() - x.min())
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-scale", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.scale(scale)
### BEGIN HIDDEN TESTS
earned = check.scale(scale, seed=secret("scale"))
### END HIDDEN TESTS
2 * earned
