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
#     lab: 01_convolution
#     minutes: 210
#     run_seconds: 60
#     title: Convolution arithmetic
# ---

# %% [markdown]
# # Lab 1. Convolution arithmetic
# <!-- labkit:badge -->
#
# A convolutional network looks at an image through a small window. In this lab you write that window yourself,
# with nothing but tensors and loops, until you can say of any layer
# **what it computes, how large its output is, how many numbers it learns, and how its gradient flows back**.
#
# After this lab you can
#
# - slide a kernel over an image by hand and in code, with stride, padding, channels and bias,
# - tell cross-correlation from convolution, and PyTorch's words from TensorFlow's,
# - predict the size of every output, and say which pixels are never seen,
# - count the parameters and multiply-adds of LeNet-5, AlexNet, VGG16 and ResNet, and find the slips in printed
#   tables,
# - derive the backward pass of a convolution and check it with finite differences.
#
# **Time:** about 3½ hours of your time, in pieces if you like. Running the whole notebook takes under a minute on
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
import torch

from labkit import check, conv, explore, images
from labkit import plot, plot_conv, plot_costs, plot_filters, plot_layers, plot_sizes

_ = torch.manual_seed(0)
print("ready: torch", torch.__version__)

# %% [markdown]
# ## 1. A window that slides
#
# An image is a grid of numbers. A **kernel** (also called a filter) is a smaller grid of numbers. Put the kernel
# on the top left corner of the image, multiply each pair of numbers that lie on each other, and add up the
# products. That sum is **one** number of the output. Then move the kernel one step to the right and do it again.
# At the end of the row, start one row lower at the left.
#
# With an image $x$ of $H \times W$ numbers and a kernel $k$ of $k_h \times k_w$ numbers, row $i$ and column $j$
# of the output are
#
# $$y_{ij} = \sum_{a=0}^{k_h-1} \sum_{b=0}^{k_w-1} x_{i+a,\, j+b} \; k_{ab}$$
#
# Here is a 5×5 input with a 3×3 kernel. The small numbers in the window are the kernel. Check one of the sums by
# hand.

# %%
x, k = conv.worked_example()
plot.show(plot_conv.filmstrip(conv.correlate, x, k, whose="the output"))

# %% [markdown]
# ### Exercise 1. `corr2d` — ●●○ 15 minutes, 4 points
#
# Write the formula above with loops over the rows and columns of the output. How many rows are there? The window
# covers $k_h$ rows, so it can start in row $0, 1, \dots, H - k_h$: that makes $H - k_h + 1$ rows, and
# $W - k_w + 1$ columns.
#
# Use loops and sums only: no `torch.nn.functional`. You may use torch's functions for whole convolutions to test
# yourself, not to answer.
#
# <details><summary>Hint</summary>
#
# Two loops are enough: one over the rows `i` of the output, one over its columns `j`. The window is the slice
# `x[i : i + kh, j : j + kw]`.
# </details>
# <details><summary>Second hint</summary>
#
# Make the output first, full of zeros and in the dtype of `x`: `x.new_zeros(rows, columns)`. Window and kernel have the
# same shape, so `*` multiplies them number by number. What is left to do at each place?
# </details>

# %% nbgrader={"grade": false, "grade_id": "corr2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def corr2d(x, k):
    """Slide the kernel over the image and sum the products at each place (no padding, steps of one).

    Args:
        x: image, tensor of shape (H, W).
        k: kernel, tensor of shape (kh, kw), not larger than the image.

    Returns:
        tensor of shape (H - kh + 1, W - kw + 1), of the same dtype as x.

    Example:
        >>> corr2d(torch.tensor([[1., 2, 3], [4, 5, 6]]), torch.tensor([[1., 0], [0, 10]]))
        tensor([[51., 62.]])
    """
    ### BEGIN SOLUTION
    kh, kw = k.shape
    rows, cols = x.shape[0] - kh + 1, x.shape[1] - kw + 1
    y = x.new_zeros(rows, cols)
    for i in range(rows):
        for j in range(cols):
            y[i, j] = (x[i : i + kh, j : j + kw] * k).sum()
    return y
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-corr2d", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.corr2d(corr2d)
### BEGIN HIDDEN TESTS
earned = check.corr2d(corr2d, seed=secret("corr2d"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# Move the window with the sliders (in a running notebook), or read the strip. The lower row is filled in by your
# function.

# %%
explore.window(corr2d, x, k)

# %% [markdown]
# ### What a filter answers to
#
# A kernel is a small picture of what it looks for. Below, a 6×6 image of zeros and ones meets two filters. Filter
# 1 has ones on the diagonal, filter 2 in the middle column. The outlined numbers are the strongest answers: there
# the image under the window looks like the filter.

# %%
image, filters = conv.binary_example()
plot.show(plot_conv.feature_maps(corr2d, image, filters))

# %% [markdown]
# Each filter gives one **feature map**. Two maps, one behind the other, are a **volume** of shape $(2, 4, 4)$.
# This is what the next layer of a network gets as its input.

# %%
plot.show(plot_conv.volume(corr2d, image, filters))

# %% [markdown]
# The window may also take larger steps. With steps of two (we say **stride** 2) it stands at rows 0, 2 and
# columns 0, 2 only: every second row and every second column of the maps above remains.

# %%
plot.show(plot_conv.feature_maps(corr2d, image, filters, stride=2))

# %% [markdown]
# ## 2. Correlation or convolution?
#
# What you wrote is called **cross-correlation** in mathematics. A true **convolution** turns the kernel by half a
# turn first: upside down *and* left to right.
#
# $$(x * k)_{ij} = \sum_{a} \sum_{b} x_{i+a,\, j+b} \; k_{k_h-1-a,\; k_w-1-b}$$
#
# The libraries say "convolution" (`Conv2d`) and compute the cross-correlation. As the kernel is learned, this
# makes no difference: the network would simply learn the turned kernel. It matters when you compare with a
# formula, with `scipy.signal.convolve2d`, or with a kernel that somebody else learned.
#
# ### Exercise 2. `convolve2d` — ●○○ 5 minutes, 2 points
#
# <details><summary>Hint</summary>
#
# Half a turn is two flips, one along each axis; tensors have a method `flip`. Which of the two has to be turned, the
# image or the kernel?
# </details>
# <details><summary>Second hint</summary>
#
# You need no new loops: the sum is that of exercise 1, and `conv.correlate` computes it. (Your own `corr2d` would do as
# well, but then a slip in it costs the points of both exercises.) Try it with a kernel that has a single 1, in a corner.
# </details>

# %% nbgrader={"grade": false, "grade_id": "convolve2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def convolve2d(x, k):
    """Convolve the image with the kernel in the mathematical sense: kernel flipped both ways, no padding.

    Args:
        x: image, tensor of shape (H, W).
        k: kernel, tensor of shape (kh, kw), not larger than the image.

    Returns:
        tensor of shape (H - kh + 1, W - kw + 1), of the same dtype as x.

    Example:
        >>> convolve2d(torch.tensor([[1., 2, 3], [4, 5, 6]]), torch.tensor([[1., 0], [0, 10]]))
        tensor([[15., 26.]])
    """
    ### BEGIN SOLUTION
    return conv.correlate(x, k.flip(0, 1))
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-convolve2d", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.convolve2d(convolve2d)
### BEGIN HIDDEN TESTS
earned = check.convolve2d(convolve2d, seed=secret("convolve2d"))
### END HIDDEN TESTS
2 * earned

# %%
plot.show(plot_conv.flipped(convolve2d, x, k))

# %% [markdown]
# ## 3. Stride, in one dimension
#
# Sound, text and sensor data are rows of numbers; the window slides along one axis. One axis is also the easiest
# place to understand stride. With a row $x$ of $L$ numbers, a kernel of $n$ numbers and stride $s$:
#
# $$y_j = \sum_{a=0}^{n-1} x_{sj + a} \; k_a , \qquad j = 0, 1, \dots$$
#
# as long as the whole window lies inside the row.
#
# ### Exercise 3. `corr1d` — ●○○ 8 minutes, 2 points
#
# <details><summary>Hint</summary>
#
# Window number `j` starts at `j * stride` and must end inside the row: `j * stride + n <= L`.
# </details>
# <details><summary>Second hint</summary>
#
# `range` with three numbers counts in steps: where do the starts begin, and which one comes too late? `torch.stack` makes
# one tensor of a list of numbers.
# </details>

# %% nbgrader={"grade": false, "grade_id": "corr1d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def corr1d(x, k, stride=1):
    """Slide a kernel along a row of numbers.

    Args:
        x: row, tensor of shape (L,).
        k: kernel, tensor of shape (n,), not longer than the row.
        stride: how far the window moves at each step, int >= 1.

    Returns:
        tensor with one number for each window that fits, of the same dtype as x.

    Example:
        >>> corr1d(torch.tensor([1., 3, 2, 0, 4]), torch.tensor([1., -1]), stride=2)
        tensor([-2.,  2.])
    """
    ### BEGIN SOLUTION
    n = len(k)
    starts = range(0, len(x) - n + 1, stride)
    return torch.stack([(x[start : start + n] * k).sum() for start in starts])
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-corr1d", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.corr1d(corr1d)
### BEGIN HIDDEN TESTS
earned = check.corr1d(corr1d, seed=secret("corr1d"))
### END HIDDEN TESTS
2 * earned

# %%
row = torch.tensor([1.0, 3, 2, 0, 4, 1, 5, 2])
difference = torch.tensor([1.0, -1])
plot.show(plot_sizes.strides_1d(corr1d, row, difference, strides=(1, 2)))

# %% [markdown]
# With stride 1 neighbouring windows share an input. With stride 2 and a filter of two, each input is used exactly
# once, and the output is half as long.

# %% [markdown]
# ## 4. Padding
#
# Without help the output is smaller than the input, and the corner pixel is seen by one window only, while a
# pixel in the middle is seen by nine (for a 3×3 kernel). **Padding** puts a border around the image, mostly of
# zeros:
#
# $$\tilde{x}_{ij} = \begin{cases} x_{i - t,\; j - l} & \text{inside the image} \\ v & \text{in the border} \end{cases}$$
#
# with $t$ rows on top and $l$ columns on the left. The border may differ from side to side. It has to
# when an **even** kernel is to keep the size: a kernel of 2 needs one extra column, and that can only go on one
# side. The libraries' `padding="same"` puts it at the right and at the bottom.
#
# ### Exercise 4. `pad2d` — ●○○ 8 minutes, 3 points
#
# <details><summary>Hint</summary>
#
# Make the large tensor first, filled with `value`. `torch.full` or `x.new_full` does it. Mind the dtype.
# </details>
# <details><summary>Second hint</summary>
#
# Then copy the image into the middle, with one slice on the left of `=`. In which row does the image begin, and in which
# does it end?
# </details>

# %% nbgrader={"grade": false, "grade_id": "pad2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pad2d(x, top, bottom, left, right, value=0.0):
    """Put a border around an image; each side has its own thickness.

    Args:
        x: image, tensor of shape (H, W). It must stay as it is.
        top, bottom, left, right: rows and columns to add, ints >= 0.
        value: the number in the border.

    Returns:
        new tensor of shape (top + H + bottom, left + W + right), of the same dtype as x.

    Example:
        >>> pad2d(torch.tensor([[1., 2]]), 0, 1, 2, 0)
        tensor([[0., 0., 1., 2.],
                [0., 0., 0., 0.]])
    """
    ### BEGIN SOLUTION
    H, W = x.shape
    out = x.new_full((top + H + bottom, left + W + right), value)
    out[top : top + H, left : left + W] = x
    return out
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-pad2d", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.pad2d(pad2d)
### BEGIN HIDDEN TESTS
earned = check.pad2d(pad2d, seed=secret("pad2d"))
### END HIDDEN TESTS
3 * earned

# %%
small = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
plot.show(plot_conv.padded(pad2d, small, (1, 1, 1, 1, 0.0), (0, 1, 0, 1, 0.0), (0, 2, 1, 0, 9.0)))

# %% [markdown]
# **The same thing in two libraries**
#
# | | PyTorch `nn.Conv2d` | TensorFlow/Keras `layers.Conv2D` |
# |---|---|---|
# | what it computes | cross-correlation | cross-correlation |
# | order of the input's axes | channels first: $(N, C, H, W)$ | channels last: $(N, H, W, C)$ |
# | order of the kernel's axes | $(K, C, k_h, k_w)$ | $(k_h, k_w, C, K)$ |
# | number of filters | `out_channels=K` | `filters=K` |
# | number of input channels | `in_channels=C` (`LazyConv2d` finds it) | found at the first call |
# | no padding | `padding=0` (the default), or `"valid"` | `padding="valid"` (the default) |
# | keep the size at stride 1 | `padding=(k - 1) // 2` for odd `k`, or `"same"` | `padding="same"` |
# | `"same"` with stride 2 | not allowed | $\lceil i / s \rceil$ outputs, extra border at the bottom and right |
# | stride, dilation, groups | `stride`, `dilation`, `groups` | `strides`, `dilation_rate`, `groups` |
# | bias | `bias=True` | `use_bias=True` |
# | padding on one side only | `nn.ZeroPad2d((l, r, t, b))` | `layers.ZeroPadding2D(((t, b), (l, r)))` |
# | transposed convolution | `nn.ConvTranspose2d` | `layers.Conv2DTranspose` |

# %% [markdown]
# ## 5. How large is the output?
#
# Take one axis with $i$ pixels, $p$ pixels of padding on **each** side, a kernel of $k$ and stride $s$. The first
# window starts at 0. The last one may start at $i + 2p - k$ at most. In steps of $s$:
#
# $$o = \left\lfloor \frac{i + 2p - k}{s} \right\rfloor + 1$$
#
# $\lfloor \cdot \rfloor$ means: round **down**. A **dilated** kernel spreads its $k$ numbers out, $d$ pixels
# apart, and so covers $d(k - 1) + 1$ pixels; put this in the place of $k$.
#
# | case | rule | example |
# |---|---|---|
# | no padding, stride 1 | $o = i - k + 1$ | $i = 4,\ k = 3$: $o = 2$ |
# | half ("same") padding, $p = \lfloor k/2 \rfloor$, $k$ odd, stride 1 | $o = i$ | $i = 5,\ k = 3,\ p = 1$: $o = 5$ |
# | padding and stride | the full formula | $i = 5,\ k = 3,\ s = 2,\ p = 1$: $o = 3$ |
# | dilation | $k \to d(k - 1) + 1$ | $i = 7,\ k = 3,\ d = 2$: $o = 3$ |
#
# ### Exercise 5. `out_size` — ●○○ 10 minutes, 3 points
#
# The check tries about 200 settings, exactly: mind the floor and the dilation.
#
# <details><summary>Hint</summary>
#
# Python's `//` divides and rounds down.
# </details>
# <details><summary>Second hint</summary>
#
# First compute how many pixels the kernel covers with its dilation; then the formula is one line.
# </details>

# %% nbgrader={"grade": false, "grade_id": "out_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def out_size(i, k, s=1, p=0, d=1):
    """Return the output size of a convolution along one axis.

    Args:
        i: input size, int.
        k: kernel size, int.
        s: stride, int >= 1.
        p: padding on each side, int >= 0.
        d: dilation, int >= 1; 1 means an ordinary kernel.

    Returns:
        int.

    Example:
        >>> out_size(5, 3, s=2, p=1)
        3
    """
    ### BEGIN SOLUTION
    covered = d * (k - 1) + 1
    return (i + 2 * p - covered) // s + 1
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-out_size", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.out_size(out_size)
### BEGIN HIDDEN TESTS
earned = check.out_size(out_size, seed=secret("out_size"))
### END HIDDEN TESTS
3 * earned

# %%
settings = [(4, 3, 1, 0), (5, 3, 1, 1), (5, 3, 2, 1), (7, 3, 1, 0), (7, 3, 2, 0), (7, 3, 3, 0), (7, 3, 1, 0, 2)]
plot_sizes.size_table(out_size, *settings)

# %% [markdown]
# Courses often write $N$ for the input and $F$ for the kernel: $(N - F)/s + 1$. With $N = 7$ and $F = 3$: stride
# 1 gives 5, stride 2 gives 3, and stride 3 gives $7/3 = 2.33$. **It does not fit.** Some courses forbid such a
# setting. PyTorch rounds down, without a word: two windows, and the pixels at the end are **dropped**. They are
# marked with crosses below. No window sees them, and no gradient reaches them.

# %%
explore.sizes(out_size)

# %% [markdown]
# **Common settings.** $F$ is the kernel, $S$ the stride, $P$ the padding on each side. For stride 1,
# $P = (F - 1)/2$ keeps the size: $P = 1, 2, 3$ for $F = 3, 5, 7$.
#
# | $F$ | $S$ | $P$ | what it does | $i = 32$ gives |
# |---|---|---|---|---|
# | 3 | 1 | 1 | keeps the size; the most common layer | 32 |
# | 5 | 1 | 2 | keeps the size | 32 |
# | 5 | 2 | whatever fits | halves the size; with $P = 2$ | 16 |
# | 1 | 1 | 0 | keeps the size, mixes the channels only | 32 |
# | 7 | 1 | 3 | keeps the size | 32 |

# %%
common = [(32, 3, 1, 1), (32, 5, 1, 2), (32, 5, 2, 2), (32, 1, 1, 0), (32, 7, 1, 3)]
plot_sizes.size_table(out_size, *common)

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-dropped-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 1. Dropped pixels — ●○○ 8 minutes, 3 points
#
# Write two or three sentences or a short calculation for each, in the cell below.
#
# 1. $i = 7$, $k = 3$, $s = 3$, no padding. Number the pixels 0 to 6. Which of them are never seen? What is their
#    gradient?
# 2. Find the smallest padding (it may differ between left and right) for which every pixel of (1) is seen. How
#    large is the output then?
# 3. The first layer of ResNet has $i = 224$, $k = 7$, $s = 2$, $p = 3$. Something is dropped here as well. What
#    is it, and does it matter?
#
# ### BEGIN MARK SCHEME
# - **1 point** for (1): pixel 6 only (½), because the windows are 0-2 and 3-5; its gradient is exactly zero (½).
# - **1 point** for (2): two columns in all, on the right or split 1 + 1 or 2 + 0 (½); the output is 3 (½). Accept
#   the argument without a drawing.
# - **1 point** for (3): $224 + 6 - 7 = 223$ is odd, so one column (and row) at the end is never seen (½); it is
#   padding, the last of the three zeros, so no pixel of the image is lost (½). "One pixel of the image is lost"
#   gets ½ at most.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-dropped", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. The windows cover the pixels 0-2 and 3-5. Pixel 6 is never seen. The output does not depend on it, so its
#    gradient is zero.
# 2. The third window needs the pixels 6, 7, 8: two more. Padding of 2 on the right (or 1 on each side) makes 9
#    pixels and 3 outputs. With less than two extra pixels only two windows fit.
# 3. 224 + 6 − 7 = 223, and 223 is odd: after the last window one column at the right (and one row at the bottom)
#    is left over. It belongs to the padding, so it is a zero and no pixel of the photo is lost. It does not
#    matter.
# ### END SOLUTION

# %% [markdown]
# ## 6. Classic filters
#
# Long before networks learned kernels, people wrote them by hand. Some of the best known ones, all 3×3:
#
# $$
# \underset{\text{identity}}{\begin{bmatrix} 0&0&0\\0&1&0\\0&0&0 \end{bmatrix}} \quad
# \underset{\text{edges 1}}{\begin{bmatrix} 1&0&-1\\0&0&0\\-1&0&1 \end{bmatrix}} \quad
# \underset{\text{edges 2}}{\begin{bmatrix} 0&1&0\\1&-4&1\\0&1&0 \end{bmatrix}} \quad
# \underset{\text{edges 3}}{\begin{bmatrix} -1&-1&-1\\-1&8&-1\\-1&-1&-1 \end{bmatrix}} \quad
# \underset{\text{sharpen}}{\begin{bmatrix} 0&-1&0\\-1&5&-1\\0&-1&0 \end{bmatrix}} \quad
# \underset{\text{box blur}}{\frac{1}{9}\begin{bmatrix} 1&1&1\\1&1&1\\1&1&1 \end{bmatrix}}
# $$
#
# Your own `corr2d` applies them to a photo below. The kernels whose numbers add up to 0 answer with 0 (mid grey)
# on an even surface: they see **changes** only. The kernels that add up to 1 keep the brightness. To use a photo
# of your own, put it into `data/my_images` and take `images.my_images()[0].grey(120)` as the photo.

# %%
photo = images.photo("camera", 120)
explore.kernels(corr2d, photo, conv.classic_kernels())

# %% [markdown]
# ### Exercise 6. Design a blur and an edge kernel — ●●○ 10 minutes, 3 points
#
# Write two functions. There is more than one right answer; the check looks at these properties:
#
# - `blur_kernel(n)`: an $n \times n$ kernel without negative numbers whose sum is 1. No number is above 0.99, so that
#   it really mixes pixels;
# - `edge_kernel()`: a 3×3 kernel whose sum is 0, which answers to a **vertical** edge (dark left, bright right)
#   and answers **0** to a horizontal one. Its answer to a vertical edge of height 1 (from 0 to 1) must be at least a
#   tenth of the sum of the absolute values of its numbers, so that the two sides do not nearly cancel.
#
# Sums and zeros may be off by 0.00001, because of rounding.
#
# $$\sum_{a,b} k^{\text{blur}}_{ab} = 1, \quad k^{\text{blur}}_{ab} \ge 0, \qquad \sum_{a,b} k^{\text{edge}}_{ab} = 0$$
#
# <details><summary>Hint</summary>
#
# For the blur: what must the weights be if all pixels of the window are to count the same? (Weights that are larger in the
# middle look better.)
# </details>
# <details><summary>Second hint</summary>
#
# For the edge: which two neighbours of a pixel differ at a vertical edge, and how do you measure a difference with
# weights? At a horizontal edge the two are equal **in every row**, so every row of the kernel must add up to 0.
# </details>

# %% nbgrader={"grade": false, "grade_id": "design", "locked": false, "schema_version": 3, "solution": true, "task": false}
def blur_kernel(n):
    """Return a kernel that blurs.

    Args:
        n: rows and columns of the kernel, int >= 2.

    Returns:
        tensor of shape (n, n), float: no negative number, sum 1, no number above 0.99.

    Example:
        >>> blur_kernel(2).shape, round(float(blur_kernel(2).sum()), 4)
        (torch.Size([2, 2]), 1.0)
    """
    ### BEGIN SOLUTION
    return torch.full((n, n), 1 / n**2, dtype=torch.float64)
    ### END SOLUTION


def edge_kernel():
    """Return a kernel that finds vertical edges.

    Returns:
        tensor of shape (3, 3), float: sum 0, a tenth or more at a vertical edge, 0 at a horizontal edge.

    Example:
        >>> edge_kernel().shape, float(edge_kernel().sum())
        (torch.Size([3, 3]), 0.0)
    """
    ### BEGIN SOLUTION
    return torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], dtype=torch.float64)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-design", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.design(blur_kernel, edge_kernel)
### BEGIN HIDDEN TESTS
earned = check.design(blur_kernel, edge_kernel, seed=secret("design"))
### END HIDDEN TESTS
3 * earned

# %%
cat = images.photo("chelsea", 240, grey=True)
plot.show(plot_filters.designed(blur_kernel, edge_kernel, cat))

# %% [markdown]
# ## 7. Two small kernels make one large one
#
# Blur a photo, then find the edges in the result: two filters in a row. Because both are sums of products,
# **one** kernel can do the work of both. Two 3×3 kernels make one 5×5 kernel. In a network without anything
# between them, two convolutions have no more power than one; this is one reason for activation functions (lab 3).
#
# Let $y = \text{corr2d}(x, k_1)$ and $z = \text{corr2d}(y, k_2)$. Put the first into the second:
#
# $$z_{ij} = \sum_{a,b} k_2[a,b] \; y_{i+a,\,j+b} = \sum_{a,b} \sum_{c,d} k_2[a,b]\, k_1[c,d]\; x_{i+a+c,\; j+b+d}$$
#
# The pixel at distance $(a + c,\ b + d)$ gets the factor $k_2[a,b]\, k_1[c,d]$. Collect the factors that meet at
# the same place.
#
# ### Exercise 7. `merge_kernels` — ●●● 15 minutes, 3 points
#
# The kernels may have different sizes and need not be square.
#
# <details><summary>Hint</summary>
#
# The merged kernel has $h_1 + h_2 - 1$ rows and $w_1 + w_2 - 1$ columns. Start with zeros.
# </details>
# <details><summary>Second hint</summary>
#
# Every number of the second kernel stamps a copy of the first one, times itself, onto the result. Where does the stamp of
# `k2[a, b]` begin? Where stamps overlap, they add up.
# </details>

# %% nbgrader={"grade": false, "grade_id": "merge_kernels", "locked": false, "schema_version": 3, "solution": true, "task": false}
def merge_kernels(k1, k2):
    """Return the one kernel that does what k1 followed by k2 do (cross-correlation, no padding).

    Args:
        k1: first kernel, tensor of shape (h1, w1).
        k2: second kernel, tensor of shape (h2, w2).

    Returns:
        tensor of shape (h1 + h2 - 1, w1 + w2 - 1).

    Example:
        >>> merge_kernels(torch.tensor([[1., 2]]), torch.tensor([[1., 10]]))
        tensor([[ 1., 12., 20.]])
    """
    ### BEGIN SOLUTION
    (h1, w1), (h2, w2) = k1.shape, k2.shape
    merged = k1.new_zeros(h1 + h2 - 1, w1 + w2 - 1)
    for a in range(h2):
        for b in range(w2):
            merged[a : a + h1, b : b + w1] += k2[a, b] * k1
    return merged
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-merge_kernels", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.merge_kernels(merge_kernels)
### BEGIN HIDDEN TESTS
earned = check.merge_kernels(merge_kernels, seed=secret("merge_kernels"))
### END HIDDEN TESTS
3 * earned

# %%
blur = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
edges = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]])
plot.show(plot_filters.merged(merge_kernels, blur, edges))

# %% [markdown]
# ## 8. Shift the image, and the map shifts with it
#
# The same kernel is used everywhere. So when a cat moves two pixels to the right, its feature map moves two
# pixels to the right. This is called **shift equivariance**:
#
# $$f(\text{shift}(x)) = \text{shift}(f(x))$$
#
# It holds where the whole window lies on pixels that were moved, and it breaks with a stride: a map of stride 2
# cannot move by half a pixel. You will **measure** it. Shift the image down by $dy$ and right by $dx$, with zeros
# coming in at the top and left: $x'_{ij} = x_{i-dy,\,j-dx}$. Then the first $dy$ rows and $dx$ columns of $f(x')$
# have to do with those zeros; leave them out and compare the rest:
#
# $$e = \max_{i,j} \left| f(x')_{i+dy,\; j+dx} - f(x)_{i,j} \right|$$
#
# ### Exercise 8. `shift_error` — ●●○ 12 minutes, 3 points
#
# <details><summary>Hint</summary>
#
# Make `y = torch.zeros_like(x)` and copy `x`, without its last `dy` rows and `dx` columns, to the place that
# begins at row `dy`, column `dx`.
# </details>
# <details><summary>Second hint</summary>
#
# `f` may return a smaller map, so ask it for its own height and width. The formula says which part of $f(x')$ meets which
# part of $f(x)$: both parts have $dy$ rows and $dx$ columns less than the map. (A slice such as `[:-dy]` goes wrong when
# `dy` is 0.)
# </details>

# %% nbgrader={"grade": false, "grade_id": "shift_error", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shift_error(f, x, dy, dx):
    """Measure how far f is from being shift equivariant.

    Args:
        f: function that maps an image (H, W) to a map (H2, W2).
        x: image, tensor of shape (H, W). It must stay as it is.
        dy, dx: shift down and right in pixels, ints >= 0, smaller than the map.

    Returns:
        float: the largest absolute difference between f(y)[dy:, dx:] and the part of f(x) that belongs there,
        where y is x moved down by dy and right by dx, with zeros coming in.

    Example:
        >>> shift_error(lambda image: image ** 2, torch.tensor([[1., 2], [3, 4]]), 1, 0)
        0.0
    """
    ### BEGIN SOLUTION
    H, W = x.shape
    y = torch.zeros_like(x)
    y[dy:, dx:] = x[: H - dy, : W - dx]
    before, after = f(x), f(y)
    h, w = before.shape
    return float((after[dy:, dx:] - before[: h - dy, : w - dx]).abs().max())
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-shift_error", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.shift_error(shift_error)
### BEGIN HIDDEN TESTS
earned = check.shift_error(shift_error, seed=secret("shift_error"))
### END HIDDEN TESTS
3 * earned

# %%
box_blur = conv.classic_kernels()["box blur"]
plot.show(plot_filters.shifts(shift_error, images.photo("camera", 96), box_blur))

# %% [markdown]
# With stride 1 the error is 0 (up to rounding). With stride 2 it is 0 for even shifts only. This is why the
# answer of a network can change when a photo moves by one pixel; lab 2 comes back to this.

# %% [markdown]
# ## 9. Channels, filters, bias: the real layer
#
# A colour photo has three channels: red, green, blue. A kernel for it has three channels, too:
# **one slice for each channel of the input**. The three sums are added, and so is one number for the whole
# filter, its **bias**. However many channels come in, one filter gives **one** map.

# %%
plot.show(plot_layers.channel_sum())

# %% [markdown]
# A layer has $K$ filters and works on $N$ images at once. With stride $(s_h, s_w)$ and zero padding $(p_h, p_w)$,
# $\tilde x$ being the padded input:
#
# $$y_{n,k,i,j} = b_k + \sum_{c=0}^{C-1} \sum_{a=0}^{k_h-1} \sum_{b=0}^{k_w-1} \tilde{x}_{n,\,c,\;s_h i + a,\;s_w j + b} \; w_{k,c,a,b}$$
#
# | | shape |
# |---|---|
# | input $x$ | $(N, C, H, W)$ |
# | kernels $w$ | $(K, C, k_h, k_w)$ |
# | bias $b$ | $(K,)$ |
# | output $y$ | $(N, K, O_H, O_W)$ |
#
# ### Exercise 9. `conv2d` — ●●● 20 minutes, 5 points
#
# This is the forward pass of `nn.Conv2d`. Loop over the rows and columns of the output; do the sum over channels,
# for all images and filters at once, with one call. No ready-made convolution, and no `unfold`;
# `torch.nn.functional.pad` is fine.
#
# <details><summary>Hint</summary>
#
# One slice takes the window of all images and channels at once, of shape $(N, C, k_h, k_w)$. The window of row `i` begins
# at row `i * sh`. The result for one place has the shape $(N, K)$.
# </details>
# <details><summary>Second hint</summary>
#
# Window $(N, C, k_h, k_w)$ and kernels $(K, C, k_h, k_w)$ give $(N, K)$: three axes are summed, and these are the ones
# that both have. `torch.einsum` can be told so, with a letter for each axis. The bias needs a shape in which its numbers
# lie along the axis of the filters. `torch.nn.functional.pad` takes (left, right, top, bottom).
# </details>

# %% nbgrader={"grade": false, "grade_id": "conv2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d(x, w, b=None, stride=(1, 1), padding=(0, 0)):
    """Compute a convolution layer, as PyTorch means it.

    Args:
        x: images, tensor of shape (N, C, H, W). It must stay as it is.
        w: kernels, tensor of shape (K, C, kh, kw).
        b: bias, tensor of shape (K,), or None for no bias.
        stride: steps (down, right).
        padding: rows of zeros at the top and at the bottom, columns of zeros at the left and at the right.

    Returns:
        tensor of shape (N, K, OH, OW), of the same dtype as x.

    Example:
        >>> conv2d(torch.ones(1, 2, 3, 3), torch.ones(1, 2, 2, 2), torch.tensor([0.5]), stride=(1, 2))
        tensor([[[[8.5000],
                  [8.5000]]]])
    """
    ### BEGIN SOLUTION
    (sh, sw), (ph, pw) = stride, padding
    kh, kw = w.shape[2:]
    x = torch.nn.functional.pad(x, (pw, pw, ph, ph))
    rows, cols = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    y = x.new_zeros(x.shape[0], w.shape[0], rows, cols)
    for i in range(rows):
        for j in range(cols):
            window = x[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]
            y[:, :, i, j] = torch.einsum("nchw,kchw->nk", window, w)
    return y if b is None else y + b.view(1, -1, 1, 1)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-conv2d", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
earned = check.conv2d(conv2d)
### BEGIN HIDDEN TESTS
earned = check.conv2d(conv2d, seed=secret("conv2d"))
### END HIDDEN TESTS
5 * earned

# %% [markdown]
# Three filters on a colour photo, with your function and stride $(1, 2)$, so the maps are half as wide. The first
# adds up the edges of all channels, the second is bright where the photo is **red**, the third is the mean of
# everything.

# %%
photo = images.photo("coffee", 120)
w, b, names = conv.colour_filters()
plot.show(plot_layers.channels(conv2d, photo, w, b, names, stride=(1, 2)))

# %% [markdown]
# ## 10. A convolution is a matrix product
#
# Processors and graphics cards multiply large matrices very fast, so libraries often rewrite the convolution.
# Copy every window into **one column** of a matrix; then the layer is a single product:
#
# $$\underbrace{y}_{K \times L} = \underbrace{w_{\text{flat}}}_{K \times (C k_h k_w)} \; \underbrace{\text{im2col}(x)}_{(C k_h k_w) \times L}, \qquad L = O_H \cdot O_W$$
#
# The order matters: down a column run the channels, within a channel the rows of the window, within a row its
# columns. From left to right, the windows are numbered like words on a page: along the first row of the output,
# then the next.
#
# ### Exercise 10. `im2col` — ●●○ 15 minutes, 4 points
#
# This is `torch.nn.functional.unfold` without padding. Write it with slices.
#
# <details><summary>Hint</summary>
#
# Collect the windows in a list, in the order in which you read. Each has the shape $(N, C, k_h, k_w)$.
# </details>
# <details><summary>Second hint</summary>
#
# `reshape` makes one row of numbers of each window, in the order that is asked for; keep the axis of the images.
# `torch.stack` puts tensors side by side along a **new** axis. At which place does it have to be?
# </details>

# %% nbgrader={"grade": false, "grade_id": "im2col", "locked": false, "schema_version": 3, "solution": true, "task": false}
def im2col(x, kernel_size, stride=(1, 1)):
    """Copy every window of the images into a column.

    Args:
        x: images, tensor of shape (N, C, H, W).
        kernel_size: rows and columns of the window (kh, kw).
        stride: steps (down, right).

    Returns:
        tensor of shape (N, C * kh * kw, L), of the same dtype as x; L is the number of windows.

    Example:
        >>> im2col(torch.tensor([[[[1., 2, 3], [4, 5, 6]]]]), (2, 2))
        tensor([[[1., 2.],
                 [2., 3.],
                 [4., 5.],
                 [5., 6.]]])
    """
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw) = kernel_size, stride
    N, _, H, W = x.shape
    columns = []
    for top in range(0, H - kh + 1, sh):
        for left in range(0, W - kw + 1, sw):
            columns.append(x[:, :, top : top + kh, left : left + kw].reshape(N, -1))
    return torch.stack(columns, dim=2)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-im2col", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.im2col(im2col)
### BEGIN HIDDEN TESTS
earned = check.im2col(im2col, seed=secret("im2col"))
### END HIDDEN TESTS
4 * earned

# %%
numbers = torch.arange(1.0, 13).view(3, 4)
plot.show(plot_layers.columns(im2col, numbers, (2, 3)))

# %% [markdown]
# The 12 numbers of the image became 24: every number is copied once for each window it lies in. That is the price
# of the trick, memory for speed. Now the product does the work of a whole layer:

# %%
plot_layers.matrix_product(im2col)

# %% [markdown]
# ## 11. What does a layer cost?
#
# Each of the $K$ filters has $F \cdot F \cdot D_1$ weights ($D_1$: channels of the input) and one bias:
# $F F D_1 K$ weights and $K$ biases. In general, with kernel $k_h \times k_w$, $C$ channels in, $K$ out:
#
# $$\text{parameters} = K \cdot \frac{C}{g} \cdot k_h k_w + K, \qquad
# \text{multiply-adds} = O_H O_W \cdot K \cdot \frac{C}{g} \cdot k_h k_w$$
#
# The size of the image is **not** in the first formula: the weights are shared between all places. It is in the
# second: each place of the output is worked out anew. With $g$ **groups** the channels are split into $g$ parts,
# and a filter sees its own part only ($g = C$ is called a depthwise convolution). The bias is counted as
# parameters, not as multiply-adds.
#
# A fully connected layer is the same thing with a kernel as large as its input: one place in the output.
#
# ### Exercise 11. `conv_cost` — ●○○ 10 minutes, 3 points
#
# <details><summary>Hint</summary>
#
# Count the weights of one filter first, then all filters, then add the biases.
# </details>
# <details><summary>Second hint</summary>
#
# The multiply-adds are the number of weights (without biases) times the number of places in the output map. Use
# `//`, so that the counts stay whole numbers.
# </details>

# %% nbgrader={"grade": false, "grade_id": "conv_cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv_cost(c_in, c_out, kernel_size, out_size, groups=1, bias=True):
    """Count the parameters and the multiply-adds of a convolution layer, for one image.

    Args:
        c_in, c_out: channels in and out, ints, both divisible by groups.
        kernel_size: (kh, kw).
        out_size: height and width of the output map.
        groups: parts into which the channels are split.
        bias: whether each filter has a bias; it counts as a parameter, not as a multiply-add.

    Returns:
        two ints: (parameters, multiply_adds).

    Example:
        >>> conv_cost(1, 6, (5, 5), (28, 28))
        (156, 117600)
    """
    ### BEGIN SOLUTION
    kh, kw = kernel_size
    oh, ow = out_size
    weights = c_out * (c_in // groups) * kh * kw
    return weights + (c_out if bias else 0), weights * oh * ow
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-conv_cost", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.conv_cost(conv_cost)
### BEGIN HIDDEN TESTS
earned = check.conv_cost(conv_cost, seed=secret("conv_cost"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# ### Fully connected, locally connected, convolutional
#
# Why share weights at all? Count for a grey image of 200×200 pixels.

# %%
plot.show(plot_costs.wiring())
plot_costs.table(conv_cost, conv.three_layers(), title="a 200x200 image")

# %% [markdown]
# 1.6 **billion** weights (you will also hear "about 2 billion") for a layer of 40,000 hidden units, each of which
# sees the whole image; 4 million when each unit sees its own 10×10 field; 10,000 for a convolution with 100
# filters of 10×10.

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-connectivity-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 2. From 1.6 billion to 10,000 — ●●○ 8 minutes, 3 points
#
# Answer in the cell below.
#
# 1. Show the multiplication behind each of the three numbers 1.6 billion, 4 million and 10,000.
# 2. Which assumption about images is made in the step from the first to the second, and which in the step from
#    the second to the third?
# 3. Give one task or kind of image where the second assumption (the one behind 10,000) is wrong, and say why.
#
# ### BEGIN MARK SCHEME
# - **1 point** for (1): 40,000 pixels × 40,000 units (or 200·200·40,000); 40,000 units × 100 weights; 100 filters
#   × 100 weights. One wrong or missing: ½. More: 0.
# - **1 point** for (2): first step: what matters for a unit is near it, pixels far away can be ignored (locality)
#   (½); second step: what is worth looking for in one place is worth looking for in every place, so the weights
#   can be shared (½). The words "local connectivity" and "weight sharing" alone, without what is assumed about
#   images, get ½ in all.
# - **1 point** for (3): any case in which the place decides the meaning, with a reason: faces or passport photos
#   cut to the same frame, X-rays in a fixed pose, sky above and road below in a car's camera, a spectrogram's
#   frequency axis, fields of a printed form. Example without a reason: ½.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-connectivity", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. Fully connected: 200 · 200 = 40,000 pixels, each wired to 40,000 units: 40,000 · 40,000 = 1.6 · 10⁹. Locally
#    connected: 40,000 units with 10 · 10 weights each: 4 · 10⁶. Convolution: 100 filters with 10 · 10 weights
#    each: 10⁴.
# 2. First step: to know what is at a place, it is enough to look at the pixels near it. Second step: a pattern
#    that is useful in one place is useful in every place, so one set of weights will do for all places.
# 3. Photos of faces that are all cut in the same way: the eyes are always in the same place, so different filters
#    in different places would make sense.
# ### END SOLUTION

# %% [markdown]
# ### Networks you will meet
#
# LeNet-5 (1998) reads digits on cheques from 32×32 grey images. (In the original each map of C3 sees only some of
# the maps before it; the usual table, and this one, lets it see all six.)

# %%
plot_costs.table(conv_cost, conv.lenet5(), total=61_706, title="LeNet-5")

# %% [markdown]
# AlexNet (2012) won the ImageNet competition. Its authors split some layers over two graphics cards (`groups=2`);
# most tables leave that out, and so does this one. torchvision's AlexNet is a later variant with fewer filters.

# %%
plot_costs.table(conv_cost, conv.alexnet(), total=62_378_344, title="AlexNet, without groups")
print()
alexnet2 = conv.network("alexnet")
plot_costs.table(conv_cost, alexnet2, total=61_100_840, title="torchvision's AlexNet")

# %%
plot.show(plot_costs.parameters(conv_cost, conv.alexnet(), title="AlexNet"))

# %% [markdown]
# Look at the two sides: the **parameters** are in the fully connected layers, the **work** is in the
# convolutions.
#
# VGG16 (2014) has nothing but 3×3 convolutions, and the largest fully connected layer of all.

# %%
plot_costs.table(conv_cost, conv.network("vgg16"), total=138_357_544, title="VGG16")

# %% [markdown]
# ResNets (2015) have one small fully connected layer at the end. A **batch norm** follows each convolution; it
# learns two numbers a channel and makes the bias of the convolution superfluous. **Shortcuts** lead past two or
# three layers; where the size changes there is a 1×1 convolution in the shortcut. The rows below are summed by
# stage.

# %%
resnet18, resnet50 = conv.network("resnet18"), conv.network("resnet50")
plot_costs.table(conv_cost, resnet18, total=11_689_512, stages=True, title="ResNet-18, torchvision")
print()
plot_costs.table(conv_cost, resnet50, total=25_557_032, stages=True, title="ResNet-50, torchvision")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-slips-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 3. Find the slips — ●●○ 12 minutes, 3 points
#
# These tables were printed in a handout. They are relatives of the networks above. **Three** entries are wrong or
# do not mean what the handout says. For each, write which entry it is, what the right number is and how it comes
# about, and **what was forgotten or mixed up**. Use your `conv_cost` in a cell of your own (or
# `plot_costs.table(conv_cost, conv.network("resnet34"))`), and answer in the cell below the tables.
#
# *A LeNet for letters, 32×32 colour input, all layers with bias*
#
# | layer | kernel | maps out | parameters |
# |---|---|---|---|
# | C1 | 5×5 | 8 | 608 |
# | C3 | 5×5 | 20 | 4,000 |
# | C5 | 5×5 | 120 | 60,120 |
# | F6 | | 84 | 10,164 |
# | output | | 26 | 2,210 |
# | total | | | 77,122 |
#
# *A slimmer AlexNet for 100 classes, without groups, all layers with bias*
#
# | layer | kernel | maps out | parameters |
# |---|---|---|---|
# | conv1 | 11×11 | 80 | 29,120 |
# | conv2 | 5×5 | 240 | 240,240 |
# | conv3 | 3×3 | 384 | 829,824 |
# | conv4 | 3×3 | 384 | 1,327,488 |
# | conv5 | 3×3 | 256 | 884,992 |
# | fc6 | | 4096 | 37,752,832 |
# | fc7 | | 4096 | 16,781,312 |
# | fc8 | | 100 | 409,700 |
# | total | | | 58,495,508 |
#
# *Totals of two networks "as you load them from torchvision"*
#
# | network | parameters |
# |---|---|
# | VGG19 | 143,667,240 |
# | ResNet-34 | 21,616,232 |
#
# ### BEGIN MARK SCHEME
# 1 point for each slip: ½ for the place and the right number, ½ for the cause.
# - LeNet, C3: 4,020. The 20 biases were forgotten (5·5·8·20 = 4,000). The printed total has them.
# - AlexNet, conv2: 480,240. 240,240 is the layer with two groups (5·5·40·240 + 240); the other rows and the total
#   are without groups.
# - ResNet-34: 21,797,672. The printed total has biases on the convolutions (7,616; torchvision has none) and
#   lacks the batch norms (17,024) and the 1×1 convolutions in the shortcuts (172,032). Two of the three causes are
#   enough for the ½.
#
# Take off ½ (not below 0) for each right entry that is called wrong.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-slips", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. LeNet, C3: 5·5·8·20 = 4,000 weights and 20 biases make 4,020. The biases were forgotten. (The total is
#    right, so the rows do not add up to it.)
# 2. AlexNet, conv2: 5·5·80·240 + 240 = 480,240. The handout's 240,240 = 5·5·40·240 + 240 is the count with two
#    groups, but the table says without groups, and the total is without.
# 3. ResNet-34: torchvision's has 21,797,672. The handout counts a bias for each convolution and leaves out the
#    batch norms and the 1×1 convolutions in the shortcuts.
# ### END SOLUTION

# %% [markdown]
# The ResNet-34 of the handout can be counted in code, too. Run this **after** you have answered, and compare it
# row by row with torchvision's.

# %%
other = conv.without_extras(conv.network("resnet34"))
plot_costs.table(conv_cost, other, total=21_616_232, stages=True, title="ResNet-34, as in the handout")

# %% [markdown]
# ## 12. Backward
#
# To train a layer we need to know how the loss changes with each weight, each bias and each input. Somebody hands
# us $dy = \partial \text{loss} / \partial y$, of the shape of $y$, and asks for $dx$, $dw$ and $db$. Look at
# **one** place $(i, j)$ of the output. In the forward pass, it took a window of $x$, multiplied by $w$. So in the
# backward pass:
#
# $$
# \begin{aligned}
# db_k &= \sum_{n,i,j} dy_{n,k,i,j} \\
# dw_{k,c,a,b} &= \sum_{n,i,j} dy_{n,k,i,j} \; x_{n,\,c,\;s_h i + a,\;s_w j + b} \\
# dx_{n,\,c,\;s_h i + a,\;s_w j + b} &\mathrel{+}= \sum_{k} dy_{n,k,i,j} \; w_{k,c,a,b} \quad \text{for every } i, j, a, b
# \end{aligned}
# $$
#
# The last line says **+=**: a pixel lies in several windows, and collects something from each.
#
# ### Exercise 12. `conv2d_backward` — ●●● 25 minutes, 5 points
#
# The layer has a bias and no padding. Work it out by hand; take autograd to test yourself, not to answer. (The check sees
# your numbers only.)
#
# <details><summary>Hint</summary>
#
# Start with `dx = torch.zeros_like(x)` and `dw = torch.zeros_like(w)`, loop over the places $(i, j)$ of `dy`, and
# add the share of each place. `db` is one call of `sum`.
# </details>
# <details><summary>Second hint</summary>
#
# At one place, `dy` has the shape $(N, K)$ and the window $(N, C, k_h, k_w)$. The letters of the formula say over which
# axis to sum: $n$ for $dw$, $k$ for $dx$. `torch.einsum` is told the letters of both factors, and the four letters of the
# result. Each share of $dx$ belongs to a window, which it is **added** to.
# </details>

# %% nbgrader={"grade": false, "grade_id": "conv2d_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def conv2d_backward(x, w, dy, stride=(1, 1)):
    """Return the gradients of a convolution layer with bias and without padding.

    Args:
        x: the layer's input, tensor of shape (N, C, H, W).
        w: its kernels, tensor of shape (K, C, kh, kw).
        dy: gradient of the loss with respect to the output, tensor of shape (N, K, OH, OW).
        stride: steps (down, right).

    Returns:
        three tensors (dx, dw, db), of the shapes of x, of w, and (K,).

    Example:
        >>> x, w = torch.tensor([[[[1., 2, 3]]]]), torch.tensor([[[[4., 5]]]])
        >>> dx, dw, db = conv2d_backward(x, w, torch.ones(1, 1, 1, 2))
        >>> dx.flatten().tolist(), dw.flatten().tolist(), db.tolist()
        ([4.0, 9.0, 5.0], [3.0, 5.0], [2.0])
    """
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw) = w.shape[2:], stride
    dx, dw = torch.zeros_like(x), torch.zeros_like(w)
    for i in range(dy.shape[2]):
        for j in range(dy.shape[3]):
            rows, cols = slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw)
            g = dy[:, :, i, j]
            dw += torch.einsum("nk,nchw->kchw", g, x[:, :, rows, cols])
            dx[:, :, rows, cols] += torch.einsum("nk,kchw->nchw", g, w)
    return dx, dw, dy.sum((0, 2, 3))
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-conv2d_backward", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
earned = check.conv2d_backward(conv2d_backward)
### BEGIN HIDDEN TESTS
earned = check.conv2d_backward(conv2d_backward, seed=secret("conv2d_backward"))
### END HIDDEN TESTS
5 * earned

# %% [markdown]
# With a kernel of ones and $dy$ of ones, $dx$ counts how many windows each pixel is in. Corners are in one, the
# middle in nine. With stride 2 the pattern becomes uneven; with stride 3 the last columns get nothing: these are
# the dropped pixels of question 1.

# %%
plot.show(plot_layers.pixel_gradients(conv2d_backward))

# %% [markdown]
# Is the calculus right? There is a witness that knows nothing of it: move one number a little, and look how much
# the output moves. PyTorch's `gradcheck` does so for every number.

# %%
plot_layers.check_gradients(conv2d_backward)

# %% [markdown]
# ## 13. The way up: transposed convolution
#
# Some networks must make small maps large again, to paint an image or to mark every pixel. Read the backward pass
# the other way round: each number of the small map **stamps** the kernel, times itself, onto the large map, in
# steps of $s$; where stamps overlap, they add up. This is `nn.ConvTranspose2d`. With $i$ numbers in, the stamps
# cover $(i - 1)s + k$ places; the padding $p$ is now **cut off** at both ends:
#
# $$o = (i - 1)\,s - 2p + d\,(k - 1) + p_{\text{out}} + 1$$
#
# Why the **output padding** $p_{\text{out}}$? Because of the floor in section 5: with $k = 3$, $s = 2$, $p = 1$,
# an input of 7 and one of 8 both give 4. Going back from 4, the library has to be told which of the two you want:
# $p_{\text{out}} = 0$ gives 7, $p_{\text{out}} = 1$ gives 8.
#
# ### Exercise 13. `transposed_size` — ●○○ 8 minutes, 2 points
#
# <details><summary>Hint</summary>
#
# It is one line. Try it on the numbers in the text: 4 becomes 7, or 8 with output padding 1.
# </details>
# <details><summary>Second hint</summary>
#
# With `d = 1` and everything else 0, the size is `(i - 1) * s + k`. Make sure that your formula says so.
# </details>

# %% nbgrader={"grade": false, "grade_id": "transposed_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def transposed_size(i, k, s=1, p=0, output_padding=0, d=1):
    """Return the output size of a transposed convolution along one axis.

    Args:
        i: input size, int.
        k: kernel size, int.
        s: stride, int >= 1.
        p: padding (cut off at each end), int >= 0.
        output_padding: places added at one end, int >= 0.
        d: dilation, int >= 1.

    Returns:
        int.

    Example:
        >>> transposed_size(4, 3, s=2, p=1), transposed_size(4, 3, s=2, p=1, output_padding=1)
        (7, 8)
    """
    ### BEGIN SOLUTION
    return (i - 1) * s - 2 * p + d * (k - 1) + output_padding + 1
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-transposed_size", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.transposed_size(transposed_size)
### BEGIN HIDDEN TESTS
earned = check.transposed_size(transposed_size, seed=secret("transposed_size"))
### END HIDDEN TESTS
2 * earned

# %%
plot.show(plot_sizes.stamps(transposed_size, (3, 3, 1, 0), (3, 3, 2, 0), (4, 3, 2, 1)))

# %% [markdown]
# ## What you have learned
#
# - A convolution layer slides small kernels over its input, multiplies and adds. Libraries compute the
#   cross-correlation and call it convolution.
# - $o = \lfloor (i + 2p - d(k-1) - 1)/s \rfloor + 1$. The floor drops pixels without a word.
# - One filter has a slice for every input channel and gives one map; $K$ filters give $K$ maps. The weights do
#   not depend on the size of the image, the work does.
# - Two convolutions in a row are one larger convolution; with stride 1 the map moves with the image, with stride
#   2 it does not always.
# - The backward pass hands each window its share, with the same kernel; run forward, it is the transposed
#   convolution.
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
