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
#     lab: 03_activations
#     minutes: 240
#     run_seconds: 60
#     title: Activations
# ---

# %% [markdown]
# # Lab 3. Activations, and what feeds them
# <!-- labkit:badge -->
#
# Convolutions and pooling are sums, products and maxima. What makes a network more than one large sum is a small
# function between its layers. In this lab you write these functions, look at what they do to signals and
# gradients in a deep network, and build what belongs to them:
# **weights of the right size, normalised layers, dropout, softmax and its loss**.
#
# After this lab you can
#
# - compute a neuron, a perceptron and one step of learning by hand and in code,
# - write the common activations and their derivatives, and say where each of them fails,
# - give PyTorch a backward pass of your own,
# - explain why gradients vanish or explode with depth, and choose weights so that they do not,
# - write batch norm, layer norm and dropout,
# - write softmax and cross-entropy so that they stay finite, and derive the gradient $p - y$.
#
# **Time:** about 4 hours of your time, in pieces if you like. Running the whole notebook takes under a minute on
# a laptop with two cores; no graphics card is needed.
#
# **How it works.** Each exercise has a cell to fill in, and a check directly below it. Write your code, run your
# cell, run the check. The check says in words what does not fit yet; run it as often as you like. Then look at
# the picture below: it is drawn by *your* function, so a wrong answer looks wrong. (While a function is not
# written, its picture says so; nothing stops.) The dots tell how hard an exercise is: ●○○ short, ●●○ some
# thought, ●●● take a break first. You can leave an exercise out: later ones do not need it.
# Tensors that you return have the dtype of those that you get, unless the exercise says otherwise; the tensors that
# you get stay unchanged. (The check looks at both.)
#
# Run this cell first.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
# labkit:setup
import math

import torch

from labkit import activations, check, plot, playground_panel
from labkit import plot_activations, plot_depth, plot_losses, plot_neurons, plot_playground

_ = torch.manual_seed(0)
print("ready: torch", torch.__version__)

# %% [markdown]
# ## 1. One neuron
#
# A neuron takes $D$ numbers $x_1, \dots, x_D$, multiplies each by a **weight**, adds the products up, adds a
# **bias** $b$, and puts the sum through a function $\varphi$ (phi), its **activation**:
#
# $$u = \sum_{d=1}^{D} w_d \, x_d, \qquad y = \varphi(u + b)$$
#
# The first neurons (McCulloch and Pitts 1943, Rosenblatt's perceptron 1958) had a step as activation: 1 when
# $u + b \ge 0$, the neuron **fires**; 0 otherwise. Where $u + b = 0$ there is a straight line (in the plane), and
# the neuron tells the two sides of it apart.
#
# The **perceptron** learns from its mistakes. Go through the rows one after the other. Compute the answer $y$ with
# the weights as they are **now**, and compare it with the target $t$ (0 or 1):
#
# $$w \leftarrow w + (t - y)\, x, \qquad b \leftarrow b + (t - y)$$
#
# Nothing happens when $y = t$. When the neuron should have fired and did not, $w$ moves towards $x$; when it fired
# and should not have, $w$ moves away.
#
# ### Exercise 1. `neuron` and `perceptron` — ●●○ 18 minutes, 4 points
#
# Start the perceptron with zeros. It fires at $u + b = 0$. Go through all rows in every epoch, in the given order.
#
# <details><summary>Hint</summary>
#
# `x @ w` computes $u$ for all rows at once. In `perceptron` you need two loops: over the epochs, and over the rows.
# </details>
# <details><summary>Second hint</summary>
#
# In the inner loop, compute $y$ of one row with the weights as they are at this moment. Its error $t - y$ is −1, 0 or
# 1: add that many times the row to `w`, the error itself to `b`, and count a mistake when it is not 0.
# </details>

# %% nbgrader={"grade": false, "grade_id": "perceptron", "locked": false, "schema_version": 3, "solution": true, "task": false}
def neuron(x, w, b, phi):
    """Compute one neuron for several rows.

    Args:
        x: inputs, tensor of shape (N, D).
        w: weights, tensor of shape (D,).
        b: bias, tensor without axes.
        phi: activation, a function that takes a tensor and gives one of the same shape.

    Returns:
        tensor of shape (N,): one answer a row.

    Example:
        >>> neuron(torch.tensor([[1., 2], [3, 4]]), torch.tensor([1., -1]), torch.tensor(2.), torch.abs)
        tensor([1., 1.])
    """
    ### BEGIN SOLUTION
    return phi(x @ w + b)
    ### END SOLUTION


def perceptron(x, t, epochs):
    """Train a perceptron, row by row, from weights of zero.

    Args:
        x: inputs, tensor of shape (N, D). It must stay as it is.
        t: targets, tensor of shape (N,) of 0 and 1.
        epochs: how often to go through all rows, int.

    Returns:
        (w, b, mistakes): tensor of shape (D,), tensor without axes, and a list with the number of mistakes in each
        epoch.

    Example:
        >>> perceptron(torch.tensor([[1., 0], [0, 1]]), torch.tensor([0., 1]), 2)
        (tensor([-1.,  1.]), tensor(0.), [2, 0])
    """
    ### BEGIN SOLUTION
    w, b, mistakes = torch.zeros_like(x[0]), torch.zeros_like(t[0]), []
    for _ in range(epochs):
        wrong = 0
        for row, target in zip(x, t, strict=True):
            y = 1.0 if row @ w + b >= 0 else 0.0
            error = target - y
            w, b = w + error * row, b + error
            wrong += int(error != 0)
        mistakes.append(wrong)
    return w, b, mistakes
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-perceptron", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.perceptron(neuron, perceptron)
### BEGIN HIDDEN TESTS
earned = check.perceptron(neuron, perceptron, seed=secret("perceptron"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# AND, OR and **XOR** (one of the two, but not both) as points in the plane. For AND and OR the mistakes go down to
# 0 and stay there: where a line exists, the perceptron finds one (a theorem). For XOR there is **no** line with the
# triangles on one side and the circles on the other, so the perceptron never comes to rest.

# %%
plot.show(plot_neurons.gates(perceptron))

# %% [markdown]
# ## 2. More layers alone do not help
#
# Would three layers solve XOR? Not if there is nothing between them. In PyTorch's `nn.Linear` the weights have the
# shape (outputs, inputs), and a layer computes $W x + b$. Three of them:
#
# $$W_3 \big( W_2 ( W_1 x + b_1 ) + b_2 \big) + b_3 = W x + b$$
#
# That is **one** linear layer, with other numbers in it. Work out which.
#
# ### Exercise 2. `collapse` — ●○○ 8 minutes, 2 points
#
# <details><summary>Hint</summary>
#
# Multiply the brackets out, from the inside to the outside. What stands in front of $x$ is $W$; all the rest is
# $b$.
# </details>
# <details><summary>Second hint</summary>
#
# $b_1$ passes through two more layers, $b_2$ through one, $b_3$ through none.
# </details>

# %% nbgrader={"grade": false, "grade_id": "collapse", "locked": false, "schema_version": 3, "solution": true, "task": false}
def collapse(w1, b1, w2, b2, w3, b3):
    """Make one linear layer that does what three do.

    Args:
        w1, b1: first layer, tensors of shapes (A, D) and (A,).
        w2, b2: second layer, tensors of shapes (B, A) and (B,).
        w3, b3: third layer, tensors of shapes (K, B) and (K,).

    Returns:
        (w, b): tensors of shapes (K, D) and (K,).

    Example:
        >>> one = torch.tensor([[2.]]), torch.tensor([1.])
        >>> collapse(*one, *one, *one)
        (tensor([[8.]]), tensor([7.]))
    """
    ### BEGIN SOLUTION
    w = w3 @ w2 @ w1
    b = w3 @ (w2 @ b1 + b2) + b3
    return w, b
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-collapse", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.collapse(collapse)
### BEGIN HIDDEN TESTS
earned = check.collapse(collapse, seed=secret("collapse"))
### END HIDDEN TESTS
2 * earned

# %%
plot_neurons.collapsed(collapse)

# %% [markdown]
# ## 3. Activations that squash
#
# So something has to stand between the layers that is **not** linear. The step has a slope of 0 everywhere: a
# little change of the weights changes nothing, and nothing can be learned from it by gradients. The **sigmoid** is
# a step with a soft edge; **tanh** is a sigmoid stretched to the range from −1 to 1:
#
# $$\text{step}(x) = \begin{cases} 0 & x < 0 \\ 1 & x \ge 0 \end{cases} \qquad
# \sigma(x) = \frac{1}{1 + e^{-x}} \qquad
# \tanh(x) = \frac{e^{x} - e^{-x}}{e^{x} + e^{-x}} = 2\,\sigma(2x) - 1$$
#
# Both **saturate**: far from 0 they are flat. The answers of a sigmoid are all positive, which makes learning
# slower (all weights of the next neuron must then move in the same direction at a time); those of tanh are
# **centred** around 0.
#
# ### Exercise 3. `step`, `sigmoid`, `tanh` — ●○○ 8 minutes, 2 points
#
# Write them with `torch.exp`, without the ready-made functions; these are for testing yourself. They take tensors
# of any shape and must be right for numbers of ±1000, too.
#
# <details><summary>Hint</summary>
#
# A comparison gives True and False; `.to(x.dtype)` makes numbers of them.
# </details>
# <details><summary>Second hint</summary>
#
# $e^{1000}$ is infinite on a computer, and infinity divided by infinity is not a number. The second form of tanh
# has no such trouble.
# </details>

# %% nbgrader={"grade": false, "grade_id": "squash", "locked": false, "schema_version": 3, "solution": true, "task": false}
def step(x):
    """Return 0 where x < 0 and 1 where x >= 0.

    Args:
        x: tensor of any shape.

    Returns:
        tensor of the same shape and dtype.

    Example:
        >>> step(torch.tensor([-2., 0, 3]))
        tensor([0., 1., 1.])
    """
    ### BEGIN SOLUTION
    return (x >= 0).to(x.dtype)
    ### END SOLUTION


def sigmoid(x):
    """Return 1 / (1 + exp(-x)) for each number.

    Args:
        x: tensor of any shape.

    Returns:
        tensor of the same shape and dtype.

    Example:
        >>> sigmoid(torch.tensor([-2., 0, 2]))
        tensor([0.1192, 0.5000, 0.8808])
    """
    ### BEGIN SOLUTION
    return 1 / (1 + torch.exp(-x))
    ### END SOLUTION


def tanh(x):
    """Return the hyperbolic tangent of each number.

    Args:
        x: tensor of any shape.

    Returns:
        tensor of the same shape and dtype.

    Example:
        >>> tanh(torch.tensor([-1., 0, 1]))
        tensor([-0.7616,  0.0000,  0.7616])
    """
    ### BEGIN SOLUTION
    return 2 / (1 + torch.exp(-2 * x)) - 1
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-squash", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.squash(step, sigmoid, tanh)
### BEGIN HIDDEN TESTS
earned = check.squash(step, sigmoid, tanh, seed=secret("squash"))
### END HIDDEN TESTS
2 * earned

# %%
plot.show(plot_activations.curves({"step": step, "sigmoid": sigmoid, "tanh": tanh}, columns=3))

# %% [markdown]
# ## 4. ReLU and its relatives
#
# Since 2012 most networks use the **rectified linear unit**. It does not saturate on the right side, and costs one
# comparison. On the left it is 0, and so is its slope: a unit that is on the left for every input learns nothing
# any more; it is **dead**. The others try to mend that.
#
# $$
# \begin{aligned}
# \text{ReLU}(x) &= \max(x, 0) &
# \text{leaky ReLU}(x) &= \begin{cases} x & x > 0 \\ a\,x & x \le 0 \end{cases} \\
# \text{ELU}(x) &= \begin{cases} x & x > 0 \\ \alpha\,(e^{x} - 1) & x \le 0 \end{cases} &
# \text{GELU}(x) &= x\,\Phi(x) = \frac{x}{2}\Big(1 + \operatorname{erf}\frac{x}{\sqrt 2}\Big) \\
# \text{softplus}(x) &= \log(1 + e^{x}) &
# \text{maxout}_h(x) &= \max_{k} \Big( \sum_d x_d\, w_{k,d,h} + b_{k,h} \Big)
# \end{aligned}
# $$
#
# **Leaky ReLU's slope $a$ is a parameter.** Some courses say 0.01 (PyTorch's default), others 0.1; TensorFlow's
# layer has had 0.3. So always say which. $\Phi$ is the area under the bell curve on the left of $x$, and `torch.erf`
# computes erf. **Maxout** is no function of one number: it computes $K$ linear layers and takes the largest
# answer, so it learns its own shape.
#
# ### Exercise 4. Six functions — ●●○ 18 minutes, 4 points
#
# Every one must be right for numbers of ±1000 as well, where $e^{x}$ is infinite in a computer: no infinity, no
# "not a number". For `softplus`, split off the large part: $\log(1 + e^{x}) = \max(x, 0) + \log(1 + e^{-|x|})$. Slopes of
# leaky ReLU are between 0 and 1.
#
# <details><summary>Hint</summary>
#
# `torch.where(condition, a, b)` takes from `a` where the condition holds, and from `b` elsewhere. (Times a mask of 0 and 1
# is not the same: 0 times infinity is not a number.)
# </details>
# <details><summary>Second hint</summary>
#
# `torch.log1p(v)` is log(1 + v), exact for small v, too. For maxout, compute all $K$ linear layers first, as a tensor of
# shape $(K, N, H)$: `@` multiplies stacks of matrices as well. Which axis is the bias lacking, and along which one is the
# largest to be taken?
# </details>

# %% nbgrader={"grade": false, "grade_id": "rectify", "locked": false, "schema_version": 3, "solution": true, "task": false}
def relu(x):
    """Return max(x, 0) for each number of a tensor of any shape.

    Example:
        >>> relu(torch.tensor([-2., 0, 3]))
        tensor([0., 0., 3.])
    """
    ### BEGIN SOLUTION
    return torch.where(x > 0, x, torch.zeros_like(x))
    ### END SOLUTION


def leaky_relu(x, slope=0.01):
    """Return x where x > 0 and slope * x elsewhere, for a tensor of any shape.

    Example:
        >>> leaky_relu(torch.tensor([-2., 0, 3]), slope=0.1)
        tensor([-0.2000,  0.0000,  3.0000])
    """
    ### BEGIN SOLUTION
    return torch.where(x > 0, x, slope * x)
    ### END SOLUTION


def elu(x, alpha=1.0):
    """Return x where x > 0 and alpha * (exp(x) - 1) elsewhere, for a tensor of any shape.

    Example:
        >>> elu(torch.tensor([-2., 0, 3]), alpha=0.5)
        tensor([-0.4323,  0.0000,  3.0000])
    """
    ### BEGIN SOLUTION
    return torch.where(x > 0, x, alpha * (torch.exp(x) - 1))
    ### END SOLUTION


def gelu(x):
    """Return x times the area under the bell curve left of x (exact, with erf), for a tensor of any shape.

    Example:
        >>> gelu(torch.tensor([-2., 0, 3]))
        tensor([-0.0455,  0.0000,  2.9960])
    """
    ### BEGIN SOLUTION
    return x / 2 * (1 + torch.erf(x / math.sqrt(2)))
    ### END SOLUTION


def softplus(x):
    """Return log(1 + exp(x)) for a tensor of any shape, finite for numbers of ±1000.

    Example:
        >>> softplus(torch.tensor([-2., 0, 1000]))
        tensor([1.2693e-01, 6.9315e-01, 1.0000e+03])
    """
    ### BEGIN SOLUTION
    return torch.clamp(x, min=0) + torch.log1p(torch.exp(-x.abs()))
    ### END SOLUTION


def maxout(x, w, b):
    """Return the largest of K linear layers, unit by unit.

    Args:
        x: inputs, tensor of shape (N, D).
        w: weights, tensor of shape (K, D, H).
        b: biases, tensor of shape (K, H).

    Returns:
        tensor of shape (N, H).

    Example:
        >>> maxout(torch.tensor([[3.]]), torch.tensor([[[1., 1]], [[-1, 2]]]), torch.zeros(2, 2))
        tensor([[3., 6.]])
    """
    ### BEGIN SOLUTION
    pieces = torch.einsum("nd,kdh->knh", x, w) + b[:, None, :]
    return pieces.amax(0)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-rectify", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.rectify(relu, leaky_relu, elu, gelu, softplus, maxout)
### BEGIN HIDDEN TESTS
earned = check.rectify(relu, leaky_relu, elu, gelu, softplus, maxout, seed=secret("rectify"))
### END HIDDEN TESTS
4 * earned

# %%
family = {"relu": relu, "leaky_relu": leaky_relu, "elu": elu, "gelu": gelu, "softplus": softplus}
plot.show(plot_activations.curves(family, columns=5))

# %% [markdown]
# **The same thing in two libraries**
#
# | | PyTorch | TensorFlow/Keras |
# |---|---|---|
# | ReLU | `F.relu`, `nn.ReLU()` | `activation="relu"`, `layers.ReLU()` |
# | leaky ReLU, its slope | `negative_slope=0.01` | `negative_slope=0.3` (`alpha` in Keras 2); `tf.nn.leaky_relu`: 0.2 |
# | ELU | `nn.ELU(alpha=1.0)` | `activation="elu"`, `layers.ELU(alpha=1.0)` |
# | GELU | exact; `approximate="tanh"` for the other | `keras.activations.gelu`: exact unless `approximate=True` |
# | softmax, along which axis | `F.softmax(z, dim=1)`: always say it | `activation="softmax"`: the last one |
# | cross-entropy from scores | `F.cross_entropy(z, labels)` | `SparseCategoricalCrossentropy` with `from_logits=True` |
# | the same, from probabilities | `F.nll_loss(p.log(), labels)` | `from_logits=False` (the default!) |
# | one-hot targets | `F.cross_entropy(z, t)` | `CategoricalCrossentropy` |
# | first weights of a linear layer | uniform, depends on the fan-in | `"glorot_uniform"`; He: `"he_normal"` |
# | batch norm, its eps | `nn.BatchNorm2d`, `1e-5` | `layers.BatchNormalization`, `1e-3` |
# | how much of the old mean is kept | $1 -$ `momentum`, `momentum=0.1` | `momentum=0.99` |
# | layer norm, its eps | `nn.LayerNorm(H)`, `1e-5` | `layers.LayerNormalization()`, `1e-3` |
# | dropout: chance to **drop** | `nn.Dropout(p=0.5)` | `layers.Dropout(rate)` |
# | training or evaluation | `model.train()`, `model.eval()` | `model(x, training=True)` |

# %% [markdown]
# ## 5. Slopes
#
# Backpropagation multiplies by the slope of every activation on its way, so slopes decide how well a network
# learns. Differentiate the formulas above. Two of the slopes can be written with the function itself, which saves
# another exponential. GELU needs the product rule; the slope of $\Phi$ is the bell curve:
#
# $$\Phi'(x) = \frac{1}{\sqrt{2\pi}}\, e^{-x^2/2}$$
#
# At 0, ReLU has no slope: it is 0 on the left and 1 on the right. Everybody has to choose. We choose as PyTorch
# does: **at 0 the left branch counts**, for leaky ReLU and ELU alike.
#
# ### Exercise 5. Five derivatives — ●●○ 18 minutes, 4 points
#
# You may use `torch.sigmoid`, `torch.tanh` and `torch.erf`, so that this exercise does not depend on the ones
# before. Numbers may be as large as ±1000, as in Exercise 4. Differentiate by hand: the check sees your numbers only, but
# Question 1 and the next sections build on it.
#
# <details><summary>Hint</summary>
#
# Differentiate each branch alone and put them together with `torch.where`. For the sigmoid, write it as
# $(1 + e^{-x})^{-1}$ and use the chain rule; then look for $\sigma$ in what you get.
# </details>
# <details><summary>Second hint</summary>
#
# Where one branch is a plain number, `torch.ones_like(x)` and its relatives make a tensor of it that has the dtype of `x`.
# Product rule: $(uv)' = u'v + uv'$. A good test: the slope of tanh at 0 is 1, that of the sigmoid $\frac14$, that of GELU
# $\frac12$.
# </details>

# %% nbgrader={"grade": false, "grade_id": "slopes", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sigmoid_slope(x):
    """Return the derivative of the sigmoid at each number of a tensor of any shape.

    Example:
        >>> sigmoid_slope(torch.tensor([-2., 0, 2]))
        tensor([0.1050, 0.2500, 0.1050])
    """
    ### BEGIN SOLUTION
    s = torch.sigmoid(x)
    return s * (1 - s)
    ### END SOLUTION


def tanh_slope(x):
    """Return the derivative of tanh at each number of a tensor of any shape.

    Example:
        >>> tanh_slope(torch.tensor([-1., 0, 1]))
        tensor([0.4200, 1.0000, 0.4200])
    """
    ### BEGIN SOLUTION
    return 1 - torch.tanh(x) ** 2
    ### END SOLUTION


def leaky_relu_slope(x, slope=0.01):
    """Return the derivative of leaky ReLU: 1 where x > 0, else slope, for a tensor of any shape; any float dtype.

    Example:
        >>> leaky_relu_slope(torch.tensor([-2., 0, 3]), slope=0.0)
        tensor([0., 0., 1.])
    """
    ### BEGIN SOLUTION
    return torch.where(x > 0, torch.ones_like(x), slope)
    ### END SOLUTION


def elu_slope(x, alpha=1.0):
    """Return the derivative of ELU; at 0 it is alpha. For a tensor of any shape.

    Example:
        >>> elu_slope(torch.tensor([-2., 0, 3]), alpha=0.5)
        tensor([0.0677, 0.5000, 1.0000])
    """
    ### BEGIN SOLUTION
    return torch.where(x > 0, torch.ones_like(x), alpha * torch.exp(x))
    ### END SOLUTION


def gelu_slope(x):
    """Return the derivative of the exact GELU at each number of a tensor of any shape.

    Example:
        >>> gelu_slope(torch.tensor([-2., 0, 2]))
        tensor([-0.0852,  0.5000,  1.0852])
    """
    ### BEGIN SOLUTION
    area = (1 + torch.erf(x / math.sqrt(2))) / 2
    bell = torch.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    return area + x * bell
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-slopes", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.slopes(sigmoid_slope, tanh_slope, leaky_relu_slope, elu_slope, gelu_slope)
### BEGIN HIDDEN TESTS
earned = check.slopes(sigmoid_slope, tanh_slope, leaky_relu_slope, elu_slope, gelu_slope, seed=secret("slopes"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# The sigmoid's slope is at most **one quarter**. Behind ten sigmoids a gradient has been multiplied by at most
# $0.25^{10} \approx 10^{-6}$ (times the weights). Keep this number in mind for section 8.

# %%
pairs = {"sigmoid": (sigmoid, sigmoid_slope), "tanh": (tanh, tanh_slope), "elu": (elu, elu_slope)}
pairs |= {"leaky_relu": (leaky_relu, leaky_relu_slope), "gelu": (gelu, gelu_slope)}
plot.show(plot_activations.slopes(pairs))

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-leaky-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 1. Two handouts, one name — ●○○ 8 minutes, 3 points
#
# Handout A: "Leaky ReLU is $\max(0.1x,\, x)$." Handout B: "Leaky ReLU is $\max(0.01x,\, x)$, which for $x < 0$ has
# the slope $-0.01$." A student trains a network with A's formula, saves the weights and runs them with
# `nn.LeakyReLU()`.
#
# 1. One statement in the handouts is **wrong**, whatever slope one likes. Which one, and what is right?
# 2. Which of the two slopes does `nn.LeakyReLU()` use, and what has the student to write?
# 3. A unit has $x = -3$ in the first layer. What comes out with A, what with B? Why can the answers of the whole
#    network still differ a lot more than these two numbers do?
#
# ### BEGIN MARK SCHEME
# - **1 point** for (1): the slope for $x < 0$ in B is $+0.01$ (½), because $\max(0.01x, x) = 0.01x$ there, which rises
#   with $x$ (½).
# - **1 point** for (2): 0.01 (½); `nn.LeakyReLU(0.1)` or `negative_slope=0.1` (½).
# - **1 point** for (3): −0.3 and −0.03 (½); every layer adds its own difference and the next layers were trained to
#   the other numbers, so differences add up or grow with depth (½). Any sound reason of this kind.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-leaky", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. B's slope has the wrong sign. For $x < 0$ the larger of $0.01x$ and $x$ is $0.01x$, a line that rises: its slope
#    is $+0.01$. (Whether 0.1 or 0.01 is taken is a choice, not a slip.)
# 2. `nn.LeakyReLU()` uses 0.01. The student has to write `nn.LeakyReLU(negative_slope=0.1)`.
# 3. A gives −0.3, B gives −0.03. This happens in every unit with a negative input and in every layer; the later
#    weights were trained for the numbers of A, so the errors pass on and add up from layer to layer.
# ### END SOLUTION

# %% [markdown]
# ## 6. A backward pass of your own
#
# PyTorch differentiates what you build from its functions. With `torch.autograd.Function` you can also tell it the
# backward pass yourself. `forward` gets a context `ctx` and the input, keeps what will be needed, and gives the
# result. `backward` gets the same `ctx` and the gradient `dy` of the loss for the **output**, and gives the gradient
# for the **input**:
#
# $$dx = dy \cdot \varphi'(x)$$
#
# One calls the class by its `apply`: `MyReLU.apply(x)`. The functions around it stand in the cell already.
#
# Why would one want this? Sometimes the true slope is of no use. The step has a slope of 0, so networks with
# answers of 0 and 1 cannot be trained. A famous trick, the **straight-through** gradient, computes the step forward
# and *pretends* on the way back: it hands `dy` on as it is where $|x| \le 1$, and 0 elsewhere.
#
# ### Exercise 6. `MyReLU` and `PassThrough` — ●●○ 15 minutes, 3 points
#
# Write both methods of both classes. At 0, ReLU's left branch counts.
#
# <details><summary>Hint</summary>
#
# In `forward`: `ctx.save_for_backward(x)`. In `backward`: `(x,) = ctx.saved_tensors`.
# </details>
# <details><summary>Second hint</summary>
#
# What is the slope of each number of `x`, according to the text above? It multiplies `dy`, number by number: the loss may
# be anything behind your function. `forward` of the step gives numbers in the dtype of `x`, not True and False.
# </details>

# %% nbgrader={"grade": false, "grade_id": "own_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
class MyReLU(torch.autograd.Function):
    """ReLU with its backward pass written by hand."""

    @staticmethod
    def forward(ctx, x):
        """Keep what backward needs, and return max(x, 0), of the shape of x."""
        ### BEGIN SOLUTION
        ctx.save_for_backward(x)
        return x.clamp(min=0)
        ### END SOLUTION

    @staticmethod
    def backward(ctx, dy):
        """Return dx, the gradient for x, from dy, the gradient for the output; both have the shape of x."""
        ### BEGIN SOLUTION
        (x,) = ctx.saved_tensors
        return dy * (x > 0)
        ### END SOLUTION


class PassThrough(torch.autograd.Function):
    """The step forward; backward, dy where abs(x) <= 1 and 0 elsewhere."""

    @staticmethod
    def forward(ctx, x):
        """Keep what backward needs, and return 1 where x >= 0 and 0 elsewhere, in the dtype of x."""
        ### BEGIN SOLUTION
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)
        ### END SOLUTION

    @staticmethod
    def backward(ctx, dy):
        """Return dx, the gradient for x, from dy, the gradient for the output; both have the shape of x."""
        ### BEGIN SOLUTION
        (x,) = ctx.saved_tensors
        return dy * (x.abs() <= 1)
        ### END SOLUTION


def my_relu(x):
    """Apply MyReLU to a tensor of any shape."""
    return MyReLU.apply(x)


def pass_through(x):
    """Apply PassThrough to a tensor of any shape."""
    return PassThrough.apply(x)

# %% nbgrader={"grade": true, "grade_id": "test-own_backward", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.own_backward(my_relu, pass_through)
### BEGIN HIDDEN TESTS
earned = check.own_backward(my_relu, pass_through, seed=secret("own_backward"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# `gradcheck` moves each number a little and compares. It must agree with your ReLU. With the straight-through step
# it must **not**: its backward is not the slope of its forward, on purpose.

# %%
plot_neurons.check_backward(my_relu, pass_through)

# %% [markdown]
# ## 7. A playground
#
# A small network with two inputs, the place $(x_1, x_2)$ of a point, learns to tell circles from triangles. Choose
# the data, what the network gets to see (its **features**), hidden layers, activation, learning rate and L2
# (weight decay), then press play. (In a running notebook; the strips below show two settings.) The black line is
# where the network is undecided. Find out:
#
# - Which data sets can be solved without a hidden layer? With which features?
# - What happens with `linear` as activation, however many layers there are? (Section 2 says why.)
# - With one hidden layer of 2, 4, 8 units: how many straight pieces has the border with ReLU? And with tanh?
# - What does the loss do with a rate of 10? With L2 of 0.1?

# %%
playground_panel.open_playground()

# %% [markdown]
# ### Exercise 7. `playground_setting` — ●●○ 12 minutes, 3 points
#
# Find two settings. The check trains 300 steps with them, from two starts, and wants at least 95 % of **new** points
# right.
#
# - `"circle"`: **without** a hidden layer. Choose the features. A network without a hidden layer can only compute
#   $w_1 f_1 + w_2 f_2 + \dots + b$ from its features $f$; what is the equation of a circle?
# - `"xor"`: from `x1` and `x2` **alone**. Choose the rest.
#
# <details><summary>Hint</summary>
#
# Without a hidden layer the border is where $w_1 f_1 + w_2 f_2 + \dots + b = 0$. With `x1` and `x2` as features this is
# a straight line. Which features does the equation of the border that you need have in it?
# </details>
# <details><summary>Second hint</summary>
#
# For xor the border needs two bends at least; with the smallest number of units the luck of the start decides, so
# take some more. If it learns in the right way but too slowly, raise the rate.
# </details>

# %% nbgrader={"grade": false, "grade_id": "playground_setting", "locked": false, "schema_version": 3, "solution": true, "task": false}
def playground_setting(data):
    """Choose a setting of the playground.

    Args:
        data: "circle" or "xor".

    Returns:
        dictionary with any of these entries:
        "features", a list of some of "x1", "x2", "x1^2", "x2^2", "x1*x2", "sin x1", "sin x2" (default x1 and x2);
        "hidden", a list with the units of each hidden layer, at most three of at most 16 ([] for none; default [4]);
        "activation", one of "linear", "sigmoid", "tanh", "relu", "leaky_relu", "elu", "gelu" (default "tanh");
        "rate" from 0 to 10 (default 0.3); "l2" from 0 to 1 (default 0).

    Example:
        >>> sorted(playground_setting("circle"))  # for instance
        ['features', 'hidden', 'rate']
    """
    ### BEGIN SOLUTION
    if data == "circle":
        return {"features": ["x1^2", "x2^2"], "hidden": [], "rate": 1.0}
    return {"hidden": [8], "activation": "tanh", "rate": 1.0}
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-playground_setting", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.playground_setting(playground_setting)
### BEGIN HIDDEN TESTS
earned = check.playground_setting(playground_setting, seed=secret("playground_setting"))
### END HIDDEN TESTS
3 * earned

# %%
for fig in plot_playground.chosen(playground_setting):
    plot.show(fig)

# %% [markdown]
# ## 8. One step of learning, by hand
#
# Now open the box: how do the weights of a hidden layer learn? A **two-layer perceptron** for $N$ rows, with ReLU
# between the layers and half the squared error as its loss:
#
# $$u = x W_1^\top + b_1, \qquad h = \max(u, 0), \qquad y = h W_2^\top + b_2, \qquad
# L = \frac{1}{2N} \sum_{n,k} (y_{nk} - t_{nk})^2$$
#
# Go back through the lines, from the last to the first. In each, ask: how does $L$ change with this number?
#
# $$
# \begin{aligned}
# dy &= \tfrac{1}{N}\,(y - t) & dW_2 &= dy^\top h & db_2 &= \textstyle\sum_n dy_n \\
# dh &= dy\, W_2 & du &= dh \cdot [u > 0] & dW_1 &= du^\top x & db_1 &= \textstyle\sum_n du_n
# \end{aligned}
# $$
#
# Then every parameter takes a small step **downhill**: $W \leftarrow W - \eta\, dW$, with the learning rate $\eta$.
#
# **With numbers.** One row $x = (1, 2)$, target $t = 3$, three hidden units, all biases 0, $\eta = 0.05$:
#
# | | | |
# |---|---|---|
# | $W_1 = \begin{bmatrix} 1 & 0 \\ -1 & 1 \\ 0 & -1 \end{bmatrix}$ | $u = (1, 1, -2)$ | $h = (1, 1, 0)$ |
# | $W_2 = (2, -1, 3)$ | $y = 2 - 1 + 0 = 1$ | $L = \tfrac12 (1 - 3)^2 = 2$ |
# | $dy = -2$ | $dW_2 = (-2, -2, 0)$ | $db_2 = -2$ |
# | $dh = (-4, 2, -6)$ | $du = (-4, 2, 0)$ | $dW_1 = \begin{bmatrix} -4 & -8 \\ 2 & 4 \\ 0 & 0 \end{bmatrix}$ |
#
# The third unit is off, so nothing reaches its weights. After the step $y = 4.36$ and $L = 0.92$. Check it with the
# example below.
#
# ### Exercise 8. `train_step` — ●●● 25 minutes, 4 points
#
# By hand: take autograd to test yourself, not to answer. (The check sees your numbers only.) Compute all gradients with the
# **old** weights, and change none of the tensors that come in.
#
# <details><summary>Hint</summary>
#
# Write the forward pass in three lines and keep `u` and `h`. Then translate the formulas one by one, and compare
# shapes: `dw2` has the shape of `w2`.
# </details>
# <details><summary>Second hint</summary>
#
# A comparison such as `u > 0` can be multiplied with numbers; the sums over the rows are `.sum(0)`. Return
# `w1 - rate * dw1` and so on; `w1 -= ...` would change the tensor of the caller.
# </details>

# %% nbgrader={"grade": false, "grade_id": "train_step", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train_step(x, t, w1, b1, w2, b2, rate):
    """Take one step of gradient descent with a two-layer perceptron (ReLU, half the squared error).

    Args:
        x: inputs, tensor of shape (N, D).
        t: targets, tensor of shape (N, K).
        w1, b1: first layer, tensors of shapes (H, D) and (H,). They must stay as they are.
        w2, b2: second layer, tensors of shapes (K, H) and (K,). They must stay as they are.
        rate: learning rate, float.

    Returns:
        (w1, b1, w2, b2): new tensors of the same shapes.

    Example:
        >>> w1, w2 = torch.tensor([[1., 0], [-1, 1], [0, -1]]), torch.tensor([[2., -1, 3]])
        >>> new = train_step(torch.tensor([[1., 2]]), torch.tensor([[3.]]), w1, torch.zeros(3), w2, torch.zeros(1), 0.05)
        >>> new[0].tolist()[2], new[2]
        ([0.0, -1.0], tensor([[ 2.1000, -0.9000,  3.0000]]))
    """
    ### BEGIN SOLUTION
    u = x @ w1.T + b1
    h = u.clamp(min=0)
    y = h @ w2.T + b2
    dy = (y - t) / len(x)
    dw2, db2 = dy.T @ h, dy.sum(0)
    du = dy @ w2 * (u > 0)
    dw1, db1 = du.T @ x, du.sum(0)
    return w1 - rate * dw1, b1 - rate * db1, w2 - rate * dw2, b2 - rate * db2
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-train_step", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.train_step(train_step)
### BEGIN HIDDEN TESTS
earned = check.train_step(train_step, seed=secret("train_step"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# And what the perceptron of section 1 could not do: **XOR**, learned by your steps alone. The border has bends now;
# each comes from a hidden unit that switches on or off.

# %%
plot.show(plot_neurons.learned(train_step))

# %% [markdown]
# ## 9. Depth
#
# Twenty layers, each $h_l = \varphi(h_{l-1} W_l^\top)$. On its way back, the gradient is multiplied once a layer by
# the weights and by the slope of $\varphi$. Factors below 1 make it **vanish**, factors above 1 make it **explode**,
# and twenty of them multiply:
#
# $$\frac{\partial L}{\partial h_{l-1}} = \Big( \frac{\partial L}{\partial h_l} \cdot \varphi'(u_l) \Big)\, W_l$$
#
# You will measure both troubles of section 4 and this section: how large the gradient of each layer is, and which
# ReLU units are dead. The size of a gradient is its **norm**, the root of the sum of all its squares:
# $\lVert g \rVert = \sqrt{\sum_{ij} g_{ij}^2}$.
#
# ### Exercise 9. `gradient_norms` and `dead_units` — ●●○ 18 minutes, 4 points
#
# Let autograd work here: this exercise is about measuring. The loss of `gradient_norms` is the **sum** of all
# answers of the last layer.
#
# <details><summary>Hint</summary>
#
# Autograd keeps gradients for tensors that ask for them: `w = w.clone().requires_grad_()`. Keep these in a list,
# call `.backward()` on the loss, and read `w.grad`.
# </details>
# <details><summary>Second hint</summary>
#
# For the census: ask of each row and unit whether $u$ is above 0. True and False become numbers with `.to(x.dtype)`, and
# the mean of ones and zeros is a share. Along which axis? And what is the share of a dead unit?
# </details>

# %% nbgrader={"grade": false, "grade_id": "depth", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_norms(x, weights, phi):
    """Measure the gradient of each layer of h = phi(h @ w.T), for the sum of the last answers as loss.

    Args:
        x: inputs, tensor of shape (N, H).
        weights: tensor of shape (L, H, H), layer 1 first. It must stay as it is.
        phi: activation, a function of tensors that autograd can differentiate.

    Returns:
        tensor of shape (L,), of any float dtype: the norm of the gradient of each layer's weights.

    Example:
        >>> gradient_norms(torch.ones(1, 1), torch.tensor([[[2.]], [[3.]]]), torch.relu)
        tensor([3., 2.])
    """
    ### BEGIN SOLUTION
    leaves = [w.clone().requires_grad_() for w in weights]
    for w in leaves:
        x = phi(x @ w.T)
    x.sum().backward()
    return torch.stack([w.grad.norm() for w in leaves])
    ### END SOLUTION


def dead_units(x, w, b):
    """Count the units of a ReLU layer that are 0 for every row, and say how often each is active.

    Args:
        x: inputs, tensor of shape (N, D).
        w: weights, tensor of shape (H, D).
        b: biases, tensor of shape (H,).

    Returns:
        (dead, active): an int, and a tensor of shape (H,), of any float dtype, with the share of rows for which
        each unit is above 0.

    Example:
        >>> dead_units(torch.tensor([[1.], [2]]), torch.tensor([[1.], [-1]]), torch.tensor([-1.5, 0]))
        (1, tensor([0.5000, 0.0000]))
    """
    ### BEGIN SOLUTION
    active = (x @ w.T + b > 0).to(x.dtype).mean(0)
    return int((active == 0).sum()), active
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-depth", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.depth(gradient_norms, dead_units)
### BEGIN HIDDEN TESTS
earned = check.depth(gradient_norms, dead_units, seed=secret("depth"))
### END HIDDEN TESTS
4 * earned

# %%
plot.show(plot_depth.gradients(gradient_norms))

# %% [markdown]
# Behind sigmoids, the gradient of layer 1 is about $10^{12}$ times smaller than that of layer 20: it does not learn.
# With tanh and ReLU all layers get about the same here, but **how much** depends on the weights: with a gain of 2
# instead of $\sqrt 2$, ReLU's gradients are all a thousand times larger. The next section says what a gain is.
#
# Below, a network with 24 hidden ReLU units learns the circle. Each row of the map is a moment of its training. With a
# rate that is far too large, many units are thrown out of the data within the first steps. They are dead, and with a slope of 0
# nothing brings them back.

# %%
plot.show(plot_depth.dead_map(dead_units))

# %% [markdown]
# ## 10. Weights of the right size
#
# A unit adds up $n$ products ($n$: its **fan-in**). When inputs and weights are independent with mean 0, variances
# add up, and
#
# $$\operatorname{Var}(u) = n \cdot \operatorname{Var}(w) \cdot \overline{x^2}$$
#
# ($\overline{x^2}$: mean square of the inputs.) For the signal to stay as large as it is, from layer to layer, choose
# $\operatorname{Var}(w) = g^2 / n$ with a **gain** $g$ for the activation. Linear: $g = 1$. ReLU sets one half of the
# numbers to 0, which halves the mean square, so $g^2$ has to be 2 (He 2015). Leaky ReLU keeps a part of the other
# half: its mean square is $(1 + a^2)/2$. For tanh, anything from 1 to 2 is good; 5/3 is customary.
#
# ### Exercise 10. `init_std` — ●●○ 10 minutes, 2 points
#
# Return the **standard deviation** of the weights. The check sends a signal through 20 layers; at the end it may be half
# or twice as large as with the right spread, but not less or more (tanh: any gain from 1 to 2).
#
# <details><summary>Hint</summary>
#
# The standard deviation is the root of the variance: $g / \sqrt{n}$.
# </details>
# <details><summary>Second hint</summary>
#
# For leaky ReLU, $g^2 \cdot (1 + a^2)/2$ has to be 1. With $a = 0$ this is the gain of ReLU, with $a = 1$ that of a
# linear layer.
# </details>

# %% nbgrader={"grade": false, "grade_id": "init_std", "locked": false, "schema_version": 3, "solution": true, "task": false}
def init_std(fan_in, activation, slope=0.01):
    """Return the standard deviation of first weights that keeps a signal alive through many layers.

    Args:
        fan_in: inputs of each unit, int.
        activation: "linear", "relu", "leaky_relu" or "tanh".
        slope: of leaky ReLU below 0.

    Returns:
        float.

    Example:
        >>> init_std(200, "relu")
        0.1
    """
    ### BEGIN SOLUTION
    gain = {"linear": 1.0, "relu": math.sqrt(2), "tanh": 5 / 3, "leaky_relu": math.sqrt(2 / (1 + slope**2))}
    return gain[activation] / math.sqrt(fan_in)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-init_std", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.init_std(init_std)
### BEGIN HIDDEN TESTS
earned = check.init_std(init_std, seed=secret("init_std"))
### END HIDDEN TESTS
2 * earned

# %% [markdown]
# Twice or half the right spread does not look like much, but $2^{20}$ is a million. Tanh forgives more: it cannot
# explode, it saturates.

# %%
plot.show(plot_depth.signals(init_std))

# %% [markdown]
# ## 11. Normalised layers
#
# Instead of hoping that the signal keeps its size, one can **set** it in every layer. **Batch norm** (2015) looks at
# one unit and all $N$ rows of the batch:
#
# $$\mu_h = \frac1N \sum_n x_{nh}, \qquad \sigma_h^2 = \frac1N \sum_n (x_{nh} - \mu_h)^2, \qquad
# \hat x_{nh} = \frac{x_{nh} - \mu_h}{\sqrt{\sigma_h^2 + \varepsilon}}, \qquad y_{nh} = \gamma_h\, \hat x_{nh} + \beta_h$$
#
# The variance is divided by $N$, not by $N - 1$ (it is **biased**; `torch.var` divides by $N - 1$ unless told
# otherwise). The small $\varepsilon$ stands **under** the root, so that a unit without any spread does no harm.
# $\gamma$ and $\beta$ are learned: the network may undo the normalisation where it likes. (In a convolution layer the
# mean goes over images, rows and columns, one mean a channel. In evaluation, running means from the training take
# the place of $\mu$ and $\sigma^2$.)
#
# **Layer norm** does the same along the other axis: mean and variance over the $H$ units of **one row**. Then a row
# does not depend on what else is in the batch.
#
# ### Exercise 11. `batch_norm` and `layer_norm` — ●●○ 15 minutes, 4 points
#
# <details><summary>Hint</summary>
#
# `x.mean(0)` goes down the rows and leaves one number a unit; `x.var(0, correction=0)` divides by $N$.
# </details>
# <details><summary>Second hint</summary>
#
# For layer norm use `dim=1, keepdim=True`: the means then have the shape $(N, 1)$ and go with the rows of `x`.
# Without `keepdim` they have the shape $(N,)$ and are laid along the wrong axis, or do not fit.
# </details>

# %% nbgrader={"grade": false, "grade_id": "normalise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batch_norm(x, gamma, beta, eps=1e-5):
    """Normalise each unit over the batch, as in training.

    Args:
        x: tensor of shape (N, H).
        gamma, beta: scale and shift, tensors of shape (H,).
        eps: added to the variance, float.

    Returns:
        (mu, var, x_hat, y): tensors of shapes (H,), (H,), (N, H) and (N, H).

    Example:
        >>> batch_norm(torch.tensor([[1.], [3]]), torch.tensor([2.]), torch.tensor([5.]), eps=0.0)[3]
        tensor([[3.],
                [7.]])
    """
    ### BEGIN SOLUTION
    mu = x.mean(0)
    var = ((x - mu) ** 2).mean(0)
    x_hat = (x - mu) / torch.sqrt(var + eps)
    return mu, var, x_hat, gamma * x_hat + beta
    ### END SOLUTION


def layer_norm(x, gamma, beta, eps=1e-5):
    """Normalise each row over its units.

    Args:
        x: tensor of shape (N, H).
        gamma, beta: scale and shift, tensors of shape (H,).
        eps: added to the variance, float.

    Returns:
        tensor of shape (N, H).

    Example:
        >>> layer_norm(torch.tensor([[1., 3]]), torch.tensor([2., 2]), torch.tensor([5., 5]), eps=0.0)
        tensor([[3., 7.]])
    """
    ### BEGIN SOLUTION
    mu = x.mean(1, keepdim=True)
    var = ((x - mu) ** 2).mean(1, keepdim=True)
    return gamma * (x - mu) / torch.sqrt(var + eps) + beta
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-normalise", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.normalise(batch_norm, layer_norm)
### BEGIN HIDDEN TESTS
earned = check.normalise(batch_norm, layer_norm, seed=secret("normalise"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# Before: units (columns) of very different size, and one row that is louder than the others. Batch norm evens out
# the columns, layer norm the rows.

# %%
plot.show(plot_depth.normalised(batch_norm, layer_norm))

# %% [markdown]
# ## 12. Dropout
#
# In training, **dropout** sets each number to 0 with probability $p$, so that no unit can rely on one other unit. In
# evaluation nothing is dropped. For the next layer to see numbers of the same size in both, the numbers that stay are
# divided by $1 - p$ **in training** (this is called *inverted* dropout):
#
# $$y = \begin{cases} 0 & u < p \\ x / (1 - p) & u \ge p \end{cases} \qquad \text{with } u \text{ uniform between 0 and 1}$$
#
# So that your answer can be checked, the random numbers $u$ are handed in.
#
# ### Exercise 12. `dropout` — ●○○ 6 minutes, 2 points
#
# <details><summary>Hint</summary>
#
# Which numbers stay? One comparison of two tensors answers that for all of them. And what is different in evaluation?
# </details>
# <details><summary>Second hint</summary>
#
# In a product True counts as 1 and False as 0. Look at the formula once more: what happens to those that stay?
# </details>

# %% nbgrader={"grade": false, "grade_id": "dropout", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dropout(x, p, u, training=True):
    """Drop numbers with probability p and make up for it (inverted dropout).

    Args:
        x: tensor of any shape. It must stay as it is.
        p: probability to drop, float, 0 <= p < 1.
        u: uniform random numbers, tensor of the shape of x; a number is dropped where u < p.
        training: False for evaluation, where nothing is dropped.

    Returns:
        tensor of the shape and dtype of x.

    Example:
        >>> dropout(torch.tensor([1., 2, 3]), 0.5, torch.tensor([0.7, 0.2, 0.5]))
        tensor([2., 0., 6.])
    """
    ### BEGIN SOLUTION
    if not training:
        return x
    return x * (u >= p) / (1 - p)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-dropout", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.dropout(dropout)
### BEGIN HIDDEN TESTS
earned = check.dropout(dropout, seed=secret("dropout"))
### END HIDDEN TESTS
2 * earned

# %%
plot.show(plot_depth.dropped(dropout))

# %% [markdown]
# ## 13. Softmax
#
# A classifier ends in $C$ **scores** $z$ (also called logits), any real numbers. **Softmax** makes probabilities of
# them. With a **temperature** $T$ one can make them bolder ($T < 1$) or more careful ($T > 1$):
#
# $$p_c = \frac{e^{z_c / T}}{\sum_{j} e^{z_j / T}}$$
#
# $e^{1000}$ is infinite on a computer. But a number that is taken off **all** scores cancels out, so take off the
# largest: then the largest exponent is 0. For the logarithm of $p$ do not compute $p$ first: $p$ may be rounded to 0,
# and $\log 0$ is minus infinity. Use, with $m = \max_j z_j$,
#
# $$\log p_c = (z_c - m) - \log \sum_j e^{z_j - m}$$
#
# How undecided is a distribution? Its **entropy** says: 0 when one class has everything, $\log C$ when all are equal.
#
# $$H(p) = -\sum_c p_c \log p_c, \qquad 0 \log 0 = 0$$
#
# ### Exercise 13. `softmax`, `log_softmax`, `entropy` — ●●○ 15 minutes, 4 points
#
# All three work along the **last** axis.
#
# <details><summary>Hint</summary>
#
# `z.amax(-1, keepdim=True)` is the largest score of each row, as a column that goes with `z`. Each row has its own.
# </details>
# <details><summary>Second hint</summary>
#
# For 0 log 0, put a 1 in the place of each 0 before taking the logarithm (`torch.where`). This changes nothing else, as
# the factor $p$ is 0 there. A plain `1.0` may change the dtype; `torch.ones_like` does not.
# </details>

# %% nbgrader={"grade": false, "grade_id": "soften", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softmax(z, temperature=1.0):
    """Turn scores into probabilities, row by row, finite for scores of ±1000.

    Args:
        z: scores, tensor of shape (N, C).
        temperature: float > 0; large makes the rows even.

    Returns:
        tensor of shape (N, C); each row adds up to 1.

    Example:
        >>> softmax(torch.tensor([[0., 0, math.log(2)]]))
        tensor([[0.2500, 0.2500, 0.5000]])
    """
    ### BEGIN SOLUTION
    z = z / temperature
    e = torch.exp(z - z.amax(-1, keepdim=True))
    return e / e.sum(-1, keepdim=True)
    ### END SOLUTION


def log_softmax(z):
    """Return the logarithm of the softmax of each row, finite for scores of ±1000.

    Args:
        z: scores, tensor of shape (N, C).

    Returns:
        tensor of shape (N, C).

    Example:
        >>> log_softmax(torch.tensor([[1000., 0]]))
        tensor([[    0., -1000.]])
    """
    ### BEGIN SOLUTION
    z = z - z.amax(-1, keepdim=True)
    return z - torch.log(torch.exp(z).sum(-1, keepdim=True))
    ### END SOLUTION


def entropy(p):
    """Return the entropy of each row, with natural logarithms.

    Args:
        p: probabilities, tensor of shape (N, C); zeros are allowed.

    Returns:
        tensor of shape (N,).

    Example:
        >>> entropy(torch.tensor([[0.5, 0.5], [1, 0]]))
        tensor([0.6931, 0.0000])
    """
    ### BEGIN SOLUTION
    logs = torch.log(torch.where(p > 0, p, torch.ones_like(p)))
    return (-p * logs).sum(-1)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-soften", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.soften(softmax, log_softmax, entropy)
### BEGIN HIDDEN TESTS
earned = check.soften(softmax, log_softmax, entropy, seed=secret("soften"))
### END HIDDEN TESTS
4 * earned

# %%
pet_scores = torch.tensor([2.0, 1.0, 0.0, -1.0], dtype=torch.float64)
plot.show(plot_losses.temperatures(softmax, entropy, pet_scores, ("dog", "cat", "bird", "fish")))

# %% [markdown]
# ## 14. What is a good answer?
#
# Two networks saw three photos: a dog, a cat, a dog. The targets $t$ are 1 for the right class and 0 for the other.
#
# | photo | truth | network 1: dog, cat | network 2: dog, cat |
# |---|---|---|---|
# | 1 | dog | 0.9, 0.1 | 0.6, 0.4 |
# | 2 | cat | 0.1, 0.9 | 0.3, 0.7 |
# | 3 | dog | 0.4, 0.6 | 0.1, 0.9 |
#
# Three ways to score them, all of them means over the $N$ rows:
#
# - the **error**: the share of rows where the largest probability is not on the true class,
# - the **cross-entropy** $-\frac1N \sum_n \sum_c t_{nc} \log p_{nc}$; only the true class counts,
# - the **squared error** $\frac1N \sum_n \sum_c (p_{nc} - t_{nc})^2$: summed over the outputs, averaged over the rows.
#   (Other books average over the outputs as well, or take one half of it. Always say which.)
#
# In training, scores $z$ come in the place of $p$, and the targets as **labels**: the number of the true class. With
# $p = \text{softmax}(z)$ and $y$ for the targets as 0 and 1, the cross-entropy has a beautifully simple gradient:
#
# $$L = -\frac1N \sum_n \log p_{n,\text{label}_n}, \qquad \frac{\partial L}{\partial z} = \frac{1}{N}\,(p - y)$$
#
# Why? $\log p_c = z_c - \log \sum_j e^{z_j}$, and the derivative of the second part by $z_k$ is $p_k$.
#
# ### Exercise 14. `scores`, `cross_entropy`, `cross_entropy_grad` — ●●○ 20 minutes, 5 points
#
# The last two must be finite for scores of ±1000. Here you may use `torch.log_softmax` and `torch.softmax`, so that
# this exercise does not depend on the one before (but not `F.cross_entropy`).
#
# <details><summary>Hint</summary>
#
# `p.argmax(1)` says for each row which class is largest. `z[torch.arange(N), labels]` picks one number of each row.
# </details>
# <details><summary>Second hint</summary>
#
# For the gradient: $y$ is 1 at one place of each row and 0 elsewhere, so $p - y$ differs from $p$ at these places only.
# How do you reach them all at once? And what does the loss divide by?
# </details>

# %% nbgrader={"grade": false, "grade_id": "losses", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scores(p, t):
    """Score probabilities in three ways.

    Args:
        p: probabilities, tensor of shape (N, C), none of them 0.
        t: targets, tensor of shape (N, C): 1 for the true class, 0 elsewhere.

    Returns:
        (error, cross_entropy, squared_error): three numbers (floats, or tensors without axes).

    Example:
        >>> [round(float(v), 3) for v in scores(torch.tensor([[0.9, 0.1]]), torch.tensor([[1., 0.]]))]
        [0.0, 0.105, 0.02]
    """
    ### BEGIN SOLUTION
    error = (p.argmax(1) != t.argmax(1)).to(p.dtype).mean()
    cross = -(t * torch.log(p)).sum(1).mean()
    squared = ((p - t) ** 2).sum(1).mean()
    return error, cross, squared
    ### END SOLUTION


def cross_entropy(z, labels):
    """Return the mean cross-entropy of scores, finite for scores of ±1000.

    Args:
        z: scores, tensor of shape (N, C).
        labels: true classes, tensor of shape (N,) of whole numbers from 0 to C - 1.

    Returns:
        tensor without axes, or a float.

    Example:
        >>> cross_entropy(torch.tensor([[0., 0], [0, 0]]), torch.tensor([0, 1]))
        tensor(0.6931)
    """
    ### BEGIN SOLUTION
    logs = torch.log_softmax(z, 1)
    return -logs[torch.arange(len(z)), labels].mean()
    ### END SOLUTION


def cross_entropy_grad(z, labels):
    """Return the gradient of the mean cross-entropy for the scores. They must stay as they are.

    Args:
        z: scores, tensor of shape (N, C).
        labels: true classes, tensor of shape (N,) of whole numbers from 0 to C - 1.

    Returns:
        tensor of shape (N, C).

    Example:
        >>> cross_entropy_grad(torch.tensor([[0., 0], [0, 0]]), torch.tensor([0, 1]))
        tensor([[-0.2500,  0.2500],
                [ 0.2500, -0.2500]])
    """
    ### BEGIN SOLUTION
    grad = torch.softmax(z, 1)
    grad[torch.arange(len(z)), labels] -= 1
    return grad / len(z)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-losses", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
earned = check.losses(scores, cross_entropy, cross_entropy_grad)
### BEGIN HIDDEN TESTS
earned = check.losses(scores, cross_entropy, cross_entropy_grad, seed=secret("losses"))
### END HIDDEN TESTS
5 * earned

# %%
plot_losses.table(scores)

# %% [markdown]
# Both networks err on one photo of three. The cross-entropy, 0.376 against 1.057, says that network 1 is the better
# one by far; the squared error, 0.253 against 0.707, agrees. The next picture shows why they differ: being **sure and
# wrong** costs without limit in the cross-entropy, and never more than 2 in the squared error.

# %%
plot.show(plot_losses.punished(scores))

# %% [markdown]
# And the gradient: each score is pulled by how far its probability is off. A photo that is told apart well is left
# alone; a wrong and sure one is pulled hardest.

# %%
plot.show(plot_losses.pull(cross_entropy_grad))

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-sign-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 2. A sign in a handout — ●●○ 10 minutes, 3 points
#
# For two classes and one output $p$ (the probability of class 1), a handout prints the loss as
#
# $$L = -\frac1N \sum_{n=1}^{N} \Big[\, t_n \log p_n - (1 - t_n) \log (1 - p_n) \,\Big], \qquad t_n \in \{0, 1\}$$
#
# There is **one** slip in it.
#
# 1. Which sign is wrong? Write the right formula.
# 2. Take one photo with $t = 0$ and $p = 0.9$. Compute the loss with the handout's formula and with yours (natural
#    logarithm, two places).
# 3. A network is trained with the handout's formula. What does it learn to answer for the photos of class 0, and how
#    would you notice from the loss alone that something is wrong?
#
# ### BEGIN MARK SCHEME
# - **1 point** for (1): the minus in the brackets has to be a plus: $-\frac1N\sum [t \log p + (1-t)\log(1-p)]$. The
#   place without the formula: ½.
# - **1 point** for (2): handout: $+\log 0.1 = -2.30$ (½); right: $-\log 0.1 = 2.30$ (½).
# - **1 point** for (3): it pushes $p$ towards 1 for class 0, so it answers 1 for everything (½); the loss becomes
#   negative and falls without limit, while a cross-entropy is never below 0 (½).
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-sign", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. The minus inside the brackets should be a plus: $L = -\frac1N \sum_n [t_n \log p_n + (1 - t_n) \log(1 - p_n)]$.
# 2. Handout: $-[0 - 1 \cdot \log 0.1] = \log 0.1 = -2.30$. Right: $-\log 0.1 = 2.30$.
# 3. For $t = 0$ the handout's loss is $\log(1 - p)$, which is smallest for $p$ near 1: the network learns to answer
#    class 1 for everything. One notices it because the loss becomes negative and goes on falling; a cross-entropy is
#    a mean of $-\log$ of probabilities and cannot be below 0.
# ### END SOLUTION

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-scores-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 3. The same error — ●●○ 8 minutes, 3 points
#
# Look at the table of section 14 once more.
#
# 1. Which single photo makes most of the difference between the two cross-entropies? Show its two numbers.
# 2. A colleague reports for the same networks "squared error 0.127 and 0.353". Are the numbers wrong? Explain.
# 3. Why do we train with the cross-entropy and not with the error, although the error is what we want to be small?
#
# ### BEGIN MARK SCHEME
# - **1 point** for (1): photo 3 (½): $-\log 0.4 = 0.92$ against $-\log 0.1 = 2.30$ (½).
# - **1 point** for (2): not wrong (½): the mean over the two outputs in the place of the sum, half of 0.253 and 0.707
#   (½). "Half the squared error" is right as well.
# - **1 point** for (3): the error is a step function of the weights: its slope is 0 almost everywhere, so no gradient
#   (½ for "not differentiable" alone); the cross-entropy has a slope and rewards every small improvement.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-scores", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. Photo 3: network 1 gives the true class 0.4, network 2 only 0.1; $-\log 0.4 = 0.92$ and $-\log 0.1 = 2.30$.
# 2. They are right under another definition: the mean over the two outputs instead of their sum, so half of 0.253 and
#    0.707. One has to say which one is meant.
# 3. The error changes only when the largest probability moves to another class. Almost everywhere a small change of
#    the weights does not change it, so its gradient is 0 and says nothing about where to go. The cross-entropy
#    changes with every small step.
# ### END SOLUTION

# %% [markdown]
# ## What you have learned
#
# - Linear layers without activations are one linear layer; a perceptron cannot learn XOR, a hidden layer with ReLU
#   can.
# - Sigmoid and tanh saturate; the sigmoid's slope is at most ¼. ReLU does not, but its units can die. Say which slope
#   your leaky ReLU has.
# - Through many layers signals and gradients vanish or explode, unless the weights have a variance of $g^2/n$, or the
#   layers are normalised: batch norm down the batch, layer norm along the row.
# - Dropout drops in training and divides by $1 - p$ there.
# - Take the largest score off before `exp`, and compute log-probabilities directly. The gradient of softmax with
#   cross-entropy is $p - y$.
#
# ## Hand in
#
# 1. **Kernel > Restart Kernel and Run All Cells** (in Colab: **Runtime > Restart session and run all**), and read
#    the checks once more: nothing may depend on a cell that you have deleted.
# 2. **Save** the notebook (Ctrl+S, or Cmd+S): what is handed in is the saved file.
# 3. In the cell below, put in your student id and your name, and remove the `#` in front of the second line. Run
#    the cell. It writes a zip file with your notebook and a PDF of it next to the notebook; upload that file. Put
#    the `#` back if you go on working, so that "Run All" does not hand in each time.

# %%
import labkit
# labkit.handin(student="your id", name="your name")
