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
#     lab: 00_toy
#     minutes: 5
#     run_seconds: 2
#     title: A toy lab
# ---

# %% [markdown]
# # A toy lab
# <!-- labkit:badge -->
#
# Three small functions and one question. It needs nothing but Python.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
# labkit:setup
import random
from types import SimpleNamespace


def _numbers(seed):
    """Five numbers: fixed without a seed, else drawn from it."""
    if seed is None:
        return [3.0, -1.0, 4.0, 1.5, -9.0]
    rng = random.Random(seed)
    return [round(rng.uniform(-9, 9), 2) for _ in range(5)]


def _run(name, cases):
    """Return the fraction of cases that hold, and print one line."""
    passed, reasons = 0, []
    for what, holds in cases:
        try:
            if holds():
                passed += 1
            else:
                reasons.append(f"{what} is wrong")
        except NotImplementedError:
            print(f"{name}: not written yet")
            return 0.0
        except Exception as error:
            reasons.append(f"{what} stopped with {type(error).__name__}")
    print(f"{name}: {passed} of {len(cases)}", *reasons, sep="; ")
    return passed / len(cases)


def _check_double(fn, *, seed=None):
    return _run("double", [("the double", lambda: all(fn(x) == 2 * x for x in _numbers(seed)))])


def _check_mean(fn, *, seed=None):
    xs = _numbers(seed)
    return _run(
        "mean",
        [
            ("the mean", lambda: abs(fn(list(xs)) - sum(xs) / len(xs)) < 1e-9),
            ("the mean of one number", lambda: fn([xs[0]]) == xs[0]),
            ("the mean of no numbers", lambda: fn([]) == 0.0),
        ],
    )


def _check_clip(fn, *, seed=None):
    xs = _numbers(seed)
    return _run(
        "clip",
        [
            ("the lower end", lambda: all(fn(x, -2, 2) >= -2 for x in xs)),
            ("the upper end", lambda: all(fn(x, -2, 2) <= 2 for x in xs)),
            ("a number inside", lambda: all(fn(x, -10, 10) == x for x in xs)),
            ("a number at an end", lambda: fn(2, -2, 2) == 2 and fn(-2, -2, 2) == -2),
        ],
    )


check = SimpleNamespace(double=_check_double, mean=_check_mean, clip=_check_clip)

# %% [markdown]
# ## 1. Double
# Write `double(x)`. Example: `double(3)` is `6`.


# %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double(x):
    """Return twice x."""
    ### BEGIN SOLUTION
    return x + x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-double", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.double(double)
### BEGIN HIDDEN TESTS
earned = check.double(double, seed=secret("double"))
### END HIDDEN TESTS
2 * earned

# %% [markdown]
# ## 2. Mean
# Write `mean(values)`; the mean of no numbers is `0.0`. This one gives a part of its points for a part of the answer.


# %% nbgrader={"grade": false, "grade_id": "mean", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean(values):
    """Return the mean of a list of numbers."""
    ### BEGIN SOLUTION
    if not values:
        return 0.0
    return sum(values) / len(values)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-mean", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.mean(mean)
### BEGIN HIDDEN TESTS
earned = check.mean(mean, seed=secret("mean"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# ## 3. Clip
# Write `clip(x, low, high)`.


# %% nbgrader={"grade": false, "grade_id": "clip", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clip(x, low, high):
    """Return x, moved to the nearer end where it lies outside low..high."""
    ### BEGIN SOLUTION
    return max(low, min(x, high))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "test-clip", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.clip(clip)
### BEGIN HIDDEN TESTS
earned = check.clip(clip, seed=secret("clip"))
### END HIDDEN TESTS
4 * earned

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-why-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ## 4. Why
# Why does the mean of no numbers need a rule of its own?
#
# ### BEGIN MARK SCHEME
# 1 point: the sum is zero. 1 point: the count is zero, so the quotient is undefined.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-why", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# Zero divided by zero has no value, so the definition has to name one.
# ### END SOLUTION
