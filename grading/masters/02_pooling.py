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
#     lab: 02_pooling
#     minutes: 200
#     run_seconds: 60
#     title: Pooling
# ---

# %% [markdown]
# # Lab 2. Pooling
# <!-- labkit:badge -->
#
# A feature map says where a filter found something. Often it is enough to know that it was found, and roughly
# where. **Pooling** keeps one number of each window, the largest or the mean, and lets go of the rest. It has no
# parameters, so it looks harmless. In this lab you see how much depends on it.
#
# After this lab you can
#
# - pool by maximum and by mean, with any window, stride and padding, as PyTorch does it,
# - predict the size of the output, also with `ceil_mode`, and tell what PyTorch and TensorFlow call each option,
# - say where the gradient goes, and write max pooling with ReLU and average pooling as a convolution,
# - count what global average pooling saves at the end of a network,
# - measure how a map reacts when the photo moves by a pixel, and make it react less.
#
# **Time:** about 3½ hours of your time, in pieces if you like. Running the whole notebook takes under a minute on a
# laptop with two cores; no graphics card is needed.
#
# **How it works.** It is the same as in lab 1: a cell to fill in, a check below it that says in words what does not
# fit yet, and a picture drawn by *your* function. (While a function is not written, its picture says so; nothing
# stops.) The dots tell how hard an exercise is: ●○○ short, ●●○ some thought, ●●● take a break first. You can leave
# an exercise out: later ones do not need it. Tensors that you return have the dtype of those that you get, and the
# tensors that you get stay unchanged. (The check looks at both.)
#
# Run this cell first.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
# labkit:setup
import torch

from labkit import check, images, pool
from labkit import explore_pool, plot, plot_pool, plot_pool_layers, plot_pool_sizes, plot_shift

_ = torch.manual_seed(0)
print("ready: torch", torch.__version__)

# %% [markdown]
# ## 1. A window that picks
#
# Put a window of $k_h \times k_w$ on the top left corner of a map. Write down the **largest** number in it. Move
# the window by $s_w$ columns and do it again; at the end of the row, go $s_h$ rows down. This is **max pooling**:
#
# $$y_{ij} = \max_{0 \le a < k_h,\; 0 \le b < k_w} \; x_{s_h i + a,\; s_w j + b}$$
#
# It looks like the convolution of lab 1, but there is no kernel: nothing is multiplied, and nothing is learned.
# Here is the 5×5 input of lab 1 with a 3×3 window and steps of 1.

# %%
x = pool.worked_example()
plot.show(plot_pool.filmstrip(pool.largest, x, (3, 3), (1, 1), whose="the output"))

# %% [markdown]
# ### Exercise 1. `max_pool` — ●○○ 10 minutes, 3 points
#
# One map, no padding. Windows may **overlap** (a step smaller than the window), lie side by side, or leave gaps. As
# in lab 1, there are $\lfloor (H - k_h)/s_h \rfloor + 1$ rows of windows, and the columns go by $k_w$ and $s_w$.
# What is left over at the end is dropped.
#
# Use loops; no ready-made pooling, here and in the exercises below.
#
# <details><summary>Hint</summary>
#
# The window in row `i`, column `j` of the output begins at row `i * sh` and column `j * sw` of the input.
# </details>
# <details><summary>Second hint</summary>
#
# A slice of a tensor is a tensor, and it has a method `.max()`. If you compare numbers yourself, start with a
# number of the window, not with 0: all numbers may be negative.
# </details>

# %% nbgrader={"grade": false, "grade_id": "max_pool", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_pool(x, kernel_size, stride):
    """Return the largest number of each window of one map (no padding).

    Args:
        x: map, tensor of shape (H, W).
        kernel_size: rows and columns of the window (kh, kw), not larger than the map.
        stride: steps (down, right), ints >= 1.

    Returns:
        tensor of shape ((H - kh) // sh + 1, (W - kw) // sw + 1), of the same dtype as x.

    Example:
        >>> max_pool(torch.tensor([[1., 5, 2, 0], [3, 4, 8, 6]]), (2, 2), (1, 2))
        tensor([[5., 8.]])
    """
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw) = kernel_size, stride
    rows, cols = (x.shape[0] - kh) // sh + 1, (x.shape[1] - kw) // sw + 1
    y = x.new_zeros(rows, cols)
    for i in range(rows):
        for j in range(cols):
            y[i, j] = x[i * sh : i * sh + kh, j * sw : j * sw + kw].max()
    return y
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-max_pool", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.max_pool(max_pool)
### BEGIN HIDDEN TESTS
earned = check.max_pool(max_pool, seed=secret("max_pool"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# Move the window with the sliders (in a running notebook), or read the strip. The largest number is outlined with a
# dashed line. The three windows on the left all contain the same 3, in row 2: overlapping windows repeat themselves.

# %%
explore_pool.window(max_pool, x, (3, 3), (1, 1))

# %% [markdown]
# Now the two feature maps that lab 1 made of the 6×6 image. Windows of 2×2 with steps of 2 lie side by side: each
# number is seen once, and the map has half the height and half the width. Each winner is outlined like its number
# on the right.

# %%
plot.show(plot_pool.winners(max_pool, pool.two_maps(), (2, 2), (2, 2)))

# %% [markdown]
# Filter 1 was found in the top left and the bottom left: both 3s are still there. **Where exactly** in the window
# they were is gone. Each map is pooled by itself, so two maps go in and two come out: the **depth** does not
# change.

# %% [markdown]
# ## 2. A window that averages
#
# **Average pooling** takes the mean instead:
#
# $$y_{ij} = \frac{1}{k_h k_w} \sum_{a=0}^{k_h-1} \sum_{b=0}^{k_w-1} x_{s_h i + a,\; s_w j + b}$$
#
# The maximum asks: is it there? The mean asks: how much of it is there? In a network both work on $N$ images with
# $C$ channels at once, each map by itself. And if you give no stride, PyTorch takes **the size of the window**, so
# that the windows lie side by side. (For `nn.Conv2d` it takes 1.)
#
# ### Exercise 2. `avg_pool` — ●●○ 12 minutes, 3 points
#
# <details><summary>Hint</summary>
#
# Loop over the rows and columns of the output only. One slice can take the window of all images and channels:
# `x[:, :, top : top + kh, left : left + kw]`, of shape $(N, C, k_h, k_w)$.
# </details>
# <details><summary>Second hint</summary>
#
# The place `y[:, :, i, j]` holds $N \times C$ numbers, one for each map. Which axes of the window have to go, then? Begin
# with the stride: if it is `None`, use the window's size.
# </details>

# %% nbgrader={"grade": false, "grade_id": "avg_pool", "locked": false, "schema_version": 3, "solution": true, "task": false}
def avg_pool(x, kernel_size, stride=None):
    """Return the mean of each window, for all images and channels (no padding).

    Args:
        x: images, tensor of shape (N, C, H, W).
        kernel_size: rows and columns of the window (kh, kw), not larger than the map.
        stride: steps (down, right); None means as large as the window.

    Returns:
        tensor of shape (N, C, (H - kh) // sh + 1, (W - kw) // sw + 1), of the dtype of x.

    Example:
        >>> avg_pool(torch.tensor([[[[1., 5, 2, 0], [3, 3, 8, 6]]]]), (2, 2))
        tensor([[[[3., 4.]]]])
    """
    ### BEGIN SOLUTION
    kh, kw = kernel_size
    sh, sw = kernel_size if stride is None else stride
    rows, cols = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    y = x.new_zeros(x.shape[0], x.shape[1], rows, cols)
    for i in range(rows):
        for j in range(cols):
            window = x[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]
            y[:, :, i, j] = window.mean((2, 3))
    return y
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-avg_pool", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.avg_pool(avg_pool)
### BEGIN HIDDEN TESTS
earned = check.avg_pool(avg_pool, seed=secret("avg_pool"))
### END HIDDEN TESTS
3 * earned

# %%
plot.show(plot_pool.averages(avg_pool, x, (3, 3), (1, 1)))

# %% [markdown]
# The same input, pooled in both ways. The means are written with two places. They are less extreme than the maxima.
# Below the first row they differ from window to window, while the maxima are nearly all the same.
#
# What does this do to a photo? Below, a photo shrinks in three ways: by leaving out pixels, by your mean and by
# your maximum. To use a photo of your own, put it into `data/my_images` and take `images.my_images()[0].grey(128)`.

# %%
photo = images.photo("camera", 128)
explore_pool.shrinking(max_pool, avg_pool, photo)

# %% [markdown]
# Look at the tripod. It is a thin **dark** line. Leaving out pixels tears it to pieces, the mean makes it pale, and
# the maximum makes it vanish and puts bright gaps in its place. For a photo this is bad. For a feature map, where a
# large number means "found", it is what we want: the strongest find of the window survives.

# %% [markdown]
# ## 3. How large is the output?
#
# Courses write $W_1$ for the size of the input, $F$ for the window and $S$ for the stride:
#
# $$W_2 = \frac{W_1 - F}{S} + 1$$
#
# The same goes for the height; the depth does not change, and there are **no parameters**. Two settings are common:
#
# | $F$ | $S$ | | example |
# |---|---|---|---|
# | 2 | 2 | windows side by side; halves the size | $28 \to 14$ (LeNet-5), $224 \to 112$ (VGG16) |
# | 3 | 2 | windows overlap by one | $55 \to 27 \to 13$ (AlexNet) |
#
# If the division does not come out even, PyTorch rounds down, and pixels at the end are dropped. Pooling has an
# option that a convolution lacks: with **`ceil_mode=True`** it rounds **up**. The last window then hangs over the
# edge and takes what it can get. With padding $p$ on each side:
#
# $$o = \left\lceil \frac{i + 2p - k}{s} \right\rceil + 1$$
#
# There is one exception; whoever forgets it gets another size than PyTorch: a window must **start** inside the
# input or in the padding on the left. Count from the left end of the padding: window number $o - 1$ starts at
# $(o - 1)s$. If $(o - 1)s \ge i + p$, it would see nothing but the padding on the right, and it is left out.
#
# ### Exercise 3. `pool_size` — ●●○ 12 minutes, 4 points
#
# The check tries about 190 settings, exactly. All of them have a padding of at most half the window; PyTorch allows
# no more.
#
# <details><summary>Hint</summary>
#
# `//` rounds down. To round up, use `math.ceil(a / b)` (after `import math`), or `-(-a // b)`, which stays with
# whole numbers.
# </details>
# <details><summary>Second hint</summary>
#
# Two cases. Without `ceil_mode` it is the formula of lab 1. With it, round up first, and then look at the start of
# the last window: if it is at `i + p` or later, there is one window less.
# </details>

# %% nbgrader={"grade": false, "grade_id": "pool_size", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pool_size(i, k, s, p=0, ceil_mode=False):
    """Return the output size of a pooling along one axis, as PyTorch computes it.

    Args:
        i: input size, int.
        k: size of the window, int.
        s: stride, int >= 1.
        p: padding on each side, int from 0 to k // 2.
        ceil_mode: round up instead of down.

    Returns:
        int.

    Example:
        >>> pool_size(6, 3, 2), pool_size(6, 3, 2, ceil_mode=True)
        (2, 3)
        >>> pool_size(7, 2, 4, ceil_mode=True)
        2
    """
    ### BEGIN SOLUTION
    if not ceil_mode:
        return (i + 2 * p - k) // s + 1
    size = -(-(i + 2 * p - k) // s) + 1
    return size - 1 if (size - 1) * s >= i + p else size
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-pool_size", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.pool_size(pool_size)
### BEGIN HIDDEN TESTS
earned = check.pool_size(pool_size, seed=secret("pool_size"))
### END HIDDEN TESTS
4 * earned

# %%
settings = [(28, 2, 2, 0), (224, 2, 2, 0), (55, 3, 2, 0), (27, 3, 2, 0)]
settings += [(6, 3, 2, 0), (7, 2, 2, 0), (112, 3, 2, 1), (7, 2, 4, 0)]
plot_pool_sizes.size_table(pool_size, *settings)

# %% [markdown]
# The picture shows where the windows stand. Dashed: the part that hangs over the edge. Crosses: pixels that no
# window sees. Dotted: the window that `ceil_mode` would add if it were allowed to start outside.

# %%
explore_pool.sizes(pool_size)

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-slips-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 1. Find the slips — ●●○ 12 minutes, 4 points
#
# A handout on pooling shows the 5×5 input of this lab and says:
#
# > **A.** Average pooling, 3×3, stride 1:
# > $\begin{bmatrix} 1.7 & 1.7 & 1.7 \\ 1.0 & 1.2 & 1.8 \\ 1.1 & 0.8 & 1.5 \end{bmatrix}$. The mean of these nine
# > numbers is $1.39$.
# >
# > **B.** Max pooling, 3×3, stride 1:
# > $\begin{bmatrix} 3 & 3 & 3 \\ 3 & 3 & 3 \\ 3 & 4 & 3 \end{bmatrix}$.
# >
# > **C.** AlexNet's first pooling has $(F, S) = (3, 2)$. It takes $55 \times 55 \times 96$ to
# > $27 \times 27 \times 48$. It has $3 \cdot 3 \cdot 96 = 864$ parameters.
#
# 1. In A the inputs are whole numbers. Which of the nine numbers can be **exact**, and what exactly are the three
#    of the first row? (Nine times a mean of nine whole numbers is a whole number.)
# 2. All nine were rounded to the **nearest** tenth. One of them cannot be right then, whatever the input is. Which
#    one, why, and what should it be?
# 3. Correct that number and take the mean of the nine printed numbers once more. Compare with the mean of the nine
#    exact ones: why do they differ in the second place?
# 4. What is wrong in B (say it without computing a window), and what is wrong in C?
#
# ### BEGIN MARK SCHEME
# - **1 point** for (1): only 1.0 is exact (½), because 9 times the others is no whole number; the first row is 15/9
#   = 1.666…, rounded to one place (½).
# - **1 point** for (2): 1.5 (½). A ninth that rounds to 1.5 does not exist: 9 · 1.45 = 13.05 and 9 · 1.55 = 13.95,
#   with no whole number between (13/9 = 1.44, 14/9 = 1.56); right is 12/9 = 1.33, so 1.3 (½).
# - **1 point** for (3): printed 12.3/9 = 1.3667, so 1.37 (½ together with the exact 110/81 = 1.358, so 1.36); the
#   numbers were rounded **before** the mean was taken; round last (½).
# - **1 point** for (4): B: a maximum is one of the inputs, and there is no 4 in the input (right: 2) (½). C: the
#   depth stays 96 and there are no parameters (½ for both; 27 is right).
#
# Take off ½ (not below 0) when a right entry is called wrong.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-slips", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. Only 1.0 is exact. The first row is 15/9 = 5/3 = 1.666… three times; 1.7 is rounded to one place (9 · 1.7 =
#    15.3 is no whole number).
# 2. 1.5: nine times the number would have to be a whole number, but everything that rounds to 1.5 lies between 1.45
#    and 1.55, and nine times that lies between 13.05 and 13.95. It should be 12/9 = 1.33, printed 1.3.
# 3. 12.3/9 = 1.37 from the printed numbers. The exact sum is 110/9, so the mean is 110/81 = 1.36. Each number was
#    rounded before the mean was taken, and the errors (three times 1.7 instead of 1.667) add up. Round at the end
#    only.
# 4. B: a maximum is always one of the numbers of the window, and the input has no 4. It is 2. C: pooling works on
#    each map by itself, so the depth stays 96, and it has no parameters at all.
# ### END SOLUTION

# %% [markdown]
# ## 4. Padding that never wins
#
# Padding puts a border around the map, so that windows can start further out. What should stand in the border? For
# max pooling a 0 would be a mistake: where all numbers are negative, the border would **win**. It must be a number
# that never wins: $-\infty$.
#
# $$\tilde{x}_{ij} = \begin{cases} x_{i - p_h,\; j - p_w} & \text{inside the map} \\ -\infty & \text{in the border} \end{cases}
# \qquad
# y_{ij} = \max_{a, b} \; \tilde{x}_{s_h i + a,\; s_w j + b}$$
#
# ### Exercise 4. `max_pool2d` — ●●○ 12 minutes, 4 points
#
# This is `nn.MaxPool2d`: all images and channels, any stride, and padding. `torch.nn.functional.pad` is fine.
#
# <details><summary>Hint</summary>
#
# `torch.nn.functional.pad(x, (left, right, top, bottom), value=...)` pads the last two axes. Minus infinity is
# `float("-inf")`.
# </details>
# <details><summary>Second hint</summary>
#
# The largest number over the last two axes of a window is `window.amax((2, 3))`. (`.max` takes one axis only and
# also returns places.) The number of rows is that of section 3, with the padding on both sides.
# </details>

# %% nbgrader={"grade": false, "grade_id": "max_pool2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_pool2d(x, kernel_size, stride=None, padding=(0, 0)):
    """Return the largest number of each window, as PyTorch's max pooling does.

    Args:
        x: images, tensor of shape (N, C, H, W). It must stay as it is.
        kernel_size: rows and columns of the window (kh, kw).
        stride: steps (down, right); None means as large as the window.
        padding: rows added at the top and at the bottom, columns at the left and at the right;
            at most half the window. They never win.

    Returns:
        tensor of shape (N, C, OH, OW), of the same dtype as x.

    Example:
        >>> max_pool2d(torch.tensor([[[[-1., -5, -2, -7]]]]), (1, 2), padding=(0, 1))
        tensor([[[[-1., -2., -7.]]]])
    """
    ### BEGIN SOLUTION
    (kh, kw), (ph, pw) = kernel_size, padding
    sh, sw = kernel_size if stride is None else stride
    x = torch.nn.functional.pad(x, (pw, pw, ph, ph), value=float("-inf"))
    rows, cols = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    y = x.new_zeros(x.shape[0], x.shape[1], rows, cols)
    for i in range(rows):
        for j in range(cols):
            window = x[:, :, i * sh : i * sh + kh, j * sw : j * sw + kw]
            y[:, :, i, j] = window.amax((2, 3))
    return y
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-max_pool2d", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.max_pool2d(max_pool2d)
### BEGIN HIDDEN TESTS
earned = check.max_pool2d(max_pool2d, seed=secret("max_pool2d"))
### END HIDDEN TESTS
4 * earned

# %%
negative = -torch.tensor([[3.0, 5, 1], [2, 4, 6], [7, 1, 2]])
plot.show(plot_pool.padded(max_pool2d, negative, (3, 3), (1, 1)))

# %% [markdown]
# ### Does the border count?
#
# For average pooling the border holds zeros, and there are two opinions on what to divide by. Shall the zeros count
# as pixels? PyTorch says yes (`count_include_pad=True`): each sum is divided by $k_h k_w$. With
# `count_include_pad=False` it is divided by the number of **real** pixels in the window.
#
# $$y_{ij} = \frac{1}{n_{ij}} \sum_{a, b} \tilde{x}_{s_h i + a,\; s_w j + b}, \qquad
# n_{ij} = \begin{cases} k_h k_w & \text{the border counts} \\ \text{pixels of the map in window } ij & \text{it does not} \end{cases}$$
#
# ### Exercise 5. `avg_pool2d` — ●●○ 12 minutes, 3 points
#
# <details><summary>Hint</summary>
#
# How many real pixels does a window hold? Let the computer count: make an image of ones, pad it with zeros in the
# same way, and take the sum of the window there.
# </details>
# <details><summary>Second hint</summary>
#
# `torch.ones_like(x)` makes the ones. At each place divide `window.sum((2, 3))` either by `kh * kw` or by the sum
# of the same window of the padded ones.
# </details>

# %% nbgrader={"grade": false, "grade_id": "avg_pool2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def avg_pool2d(x, kernel_size, stride=None, padding=(0, 0), count_include_pad=True):
    """Return the mean of each window, as PyTorch's average pooling does.

    Args:
        x: images, tensor of shape (N, C, H, W). It must stay as it is.
        kernel_size: rows and columns of the window (kh, kw).
        stride: steps (down, right); None means as large as the window.
        padding: rows of zeros at the top and at the bottom, columns at the left and at the right;
            at most half the window.
        count_include_pad: whether the zeros of the border count as pixels.

    Returns:
        tensor of shape (N, C, OH, OW), of the same dtype as x.

    Example:
        >>> row = torch.tensor([[[[4., 2, 6, 8]]]])
        >>> avg_pool2d(row, (1, 2), padding=(0, 1))
        tensor([[[[2., 4., 4.]]]])
        >>> avg_pool2d(row, (1, 2), padding=(0, 1), count_include_pad=False)
        tensor([[[[4., 4., 8.]]]])
    """
    ### BEGIN SOLUTION
    (kh, kw), (ph, pw) = kernel_size, padding
    sh, sw = kernel_size if stride is None else stride
    border = float(count_include_pad)
    pixels = torch.nn.functional.pad(torch.ones_like(x), (pw, pw, ph, ph), value=border)
    x = torch.nn.functional.pad(x, (pw, pw, ph, ph))
    rows, cols = (x.shape[2] - kh) // sh + 1, (x.shape[3] - kw) // sw + 1
    y = x.new_zeros(x.shape[0], x.shape[1], rows, cols)
    for i in range(rows):
        for j in range(cols):
            at = (..., slice(i * sh, i * sh + kh), slice(j * sw, j * sw + kw))
            y[:, :, i, j] = x[at].sum((2, 3)) / pixels[at].sum((2, 3))
    return y
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-avg_pool2d", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.avg_pool2d(avg_pool2d)
### BEGIN HIDDEN TESTS
earned = check.avg_pool2d(avg_pool2d, seed=secret("avg_pool2d"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# An image of ones has the mean 1 everywhere. If the border counts, its edge gets darker:

# %%
plot.show(plot_pool.counted(avg_pool2d))

# %% [markdown]
# **The same thing in two libraries**
#
# | | PyTorch `nn` | TensorFlow/Keras `layers` |
# |---|---|---|
# | max pooling | `MaxPool2d(kernel_size)` | `MaxPooling2D(pool_size)` |
# | average pooling | `AvgPool2d(kernel_size)` | `AveragePooling2D(pool_size)` |
# | order of the input's axes | channels first: $(N, C, H, W)$ | channels last: $(N, H, W, C)$ |
# | window if not given | must be given | `pool_size=(2, 2)` |
# | stride if not given | `stride=kernel_size` | `strides=pool_size` |
# | no padding | `padding=0` (the default) | `padding="valid"` (the default) |
# | padding by number | `padding=p`, $p \le k/2$, both sides | none; `ZeroPadding2D` before it puts **zeros** |
# | padding for $\lceil i/s \rceil$ outputs | no; `ceil_mode=True` is similar, not the same | `padding="same"`: more at the bottom and right |
# | what stands in the border, max | $-\infty$ | never wins either |
# | does the border count, average | `count_include_pad=True` (the default) or `False` | never |
# | dilation | `MaxPool2d(..., dilation=d)` | only in `tf.nn.pool` |
# | places of the winners | `return_indices=True` | `tf.nn.max_pool_with_argmax` |
# | one number a map | `AdaptiveAvgPool2d(1)`: $(N, C, 1, 1)$ | `GlobalAveragePooling2D()`: $(N, C)$ |

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-zeros-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 2. Zeros or minus infinity? — ●●○ 8 minutes, 3 points
#
# 1. In most networks a ReLU comes before max pooling. Explain why padding with **zeros** then gives the same result
#    as $-\infty$.
# 2. In ResNet the first pooling is 3×3, stride 2, padding 1. Somebody moves the ReLU **behind** the pooling and
#    pads with zeros. Does the result **after the ReLU** change? Give a reason.
# 3. Give one small window (four numbers or fewer, and its border) where zeros and $-\infty$ give different results,
#    and say in which kind of network you would meet it.
#
# ### BEGIN MARK SCHEME
# - **1 point** for (1): after ReLU no number is below 0, so the largest real number is at least 0 (½); a zero in
#   the border never changes it, and each window holds at least one real pixel since the padding is at most half the
#   window (½; the second half of the reason may be missing).
# - **1 point** for (2): no (½): max(0, largest) is the same whether the 0 comes from the border or from the ReLU;
#   ReLU is monotone, so it may be exchanged with the maximum (½).
# - **1 point** for (3): any window with only negative numbers and a border, e.g. −3, −5: −∞ gives −3, zeros give 0
#   (½). Networks where maps may be negative before pooling: pooling directly after a convolution or batch norm
#   without ReLU, tanh, leaky ReLU, ELU, GELU (½).
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-zeros", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. After ReLU all numbers are at least 0. So the largest number of a window is at least 0 already, and a 0 from
#    the border cannot beat it; at most it ties. Each window holds at least one real pixel, so there is always
#    something to take.
# 2. No. With m for the largest real number, zeros give max(m, 0) before the ReLU and max(m, 0) after it; −∞ gives m
#    before and max(m, 0) after it. ReLU and maximum can change places.
# 3. The window with the numbers −3 and −5 next to a border: −∞ gives −3, zeros give 0. It happens where maps have
#    negative numbers when they are pooled: without a ReLU in between, or with tanh, leaky ReLU or GELU.
# ### END SOLUTION

# %% [markdown]
# ## 5. Backward: the winner takes it all
#
# Somebody hands us $dy = \partial \text{loss} / \partial y$ and asks for $dx$. If $y_{ij}$ is the **largest**
# number of its window, then a tiny change of the winner changes $y_{ij}$ by the same amount, and a tiny change of
# any other pixel changes nothing. So the winner gets all of $dy_{ij}$:
#
# $$dx_{n,c,\,w(i,j)} \;\leftarrow\; dx_{n,c,\,w(i,j)} + dy_{n,c,i,j} \qquad \text{where } w(i,j) \text{ is the place of the winner in window } ij$$
#
# It **adds**: with overlapping windows one pixel may win several times, and collects from each.
#
# What if several pixels are equally large? This happens all the time: after a ReLU many are 0. The derivative does
# not exist there, and a rule is needed. PyTorch's rule is: **the first one in reading order gets everything** (row
# by row, from left to right).
#
# ### Exercise 6. `max_pool2d_backward` — ●●● 20 minutes, 4 points
#
# No padding. Work it out by hand; take autograd to test yourself, not to answer. (The check sees your numbers only.)
#
# <details><summary>Hint</summary>
#
# Start with `dx = torch.zeros_like(x)`. Four loops are fine: images, channels, rows and columns of `dy`. Find the
# place of the winner in the window; add the number of `dy` to that place of `dx`.
# </details>
# <details><summary>Second hint</summary>
#
# `argmax` of a flattened window counts in reading order, and takes the first of several. `divmod` makes a row and a column
# of that number: by which of the two sides of the window has it to be divided? Add where the window itself begins.
# </details>

# %% nbgrader={"grade": false, "grade_id": "max_pool2d_backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_pool2d_backward(x, dy, kernel_size, stride):
    """Return the gradient of max pooling with respect to its input (no padding).

    Args:
        x: input of the pooling, tensor of shape (N, C, H, W). It must stay as it is.
        dy: gradient of the loss with respect to the output, tensor of shape (N, C, OH, OW).
        kernel_size: rows and columns of the window (kh, kw).
        stride: steps (down, right).

    Returns:
        tensor dx of the shape of x. Of equally large pixels the first in reading order gets all.

    Example:
        >>> x = torch.tensor([[[[1., 7, 2, 2]]]])
        >>> max_pool2d_backward(x, torch.tensor([[[[10., 20, 30]]]]), (1, 2), (1, 1))
        tensor([[[[ 0., 30., 30.,  0.]]]])
    """
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw) = kernel_size, stride
    dx = torch.zeros_like(x)
    for n in range(dy.shape[0]):
        for c in range(dy.shape[1]):
            for i in range(dy.shape[2]):
                for j in range(dy.shape[3]):
                    window = x[n, c, i * sh : i * sh + kh, j * sw : j * sw + kw]
                    a, b = divmod(int(window.flatten().argmax()), kw)
                    dx[n, c, i * sh + a, j * sw + b] += dy[n, c, i, j]
    return dx
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-max_pool2d_backward", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.max_pool2d_backward(max_pool2d_backward)
### BEGIN HIDDEN TESTS
earned = check.max_pool2d_backward(max_pool2d_backward, seed=secret("max_pool2d_backward"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# The first picture has windows side by side: each of the four numbers of $dy$ goes to one pixel, the one with the same
# outline and letter. In the second, with overlapping windows and $dy$ of ones, $dx$ counts how many windows each pixel
# won; its small letters say which numbers of $dy$ it got. Average pooling, on the right, gives every pixel of a window the same small share.

# %%
four = torch.tensor([[1.0, 2], [3, 4]])
map_1 = pool.two_maps()[0]
plot.show(plot_pool.routing(max_pool2d_backward, map_1, four, (2, 2), (2, 2)))
plot.show(plot_pool.routing(max_pool2d_backward, x, torch.ones(3, 3), (3, 3), (1, 1)))

# %% [markdown]
# Most pixels get no gradient at all: in each step, a network with max pooling learns from the winners only. With
# average pooling everybody learns a little.

# %% [markdown]
# ## 6. A maximum made of ReLU
#
# The ReLU is $\text{relu}(t) = \max(t, 0)$. So it is a maximum of two numbers, one of which is 0. It is enough to
# build **every** maximum: the larger of $a$ and $b$ is $a$, plus something if $b$ is larger.
#
# ### Exercise 7. `max_from_relu` — ●○○ 8 minutes, 2 points
#
# Use only `+`, `-` and the function `relu` that is handed in; **one** call of it is enough. It has to be that `relu`: no
# `torch.maximum`, no comparison. To see that you do, the check also hands in a soft relu,
# $\text{softplus}(t) = \log(1 + e^t)$. It has the one property of relu that matters here, $r(t) - r(-t) = t$; your formula
# then gives $\log(e^a + e^b)$.
#
# <details><summary>Hint</summary>
#
# If $b$ is larger than $a$, by how much is it larger? Which number is that difference, cut off at 0?
# </details>
# <details><summary>Second hint</summary>
#
# Try $a = 3$, $b = 5$, and then $a = 5$, $b = 3$. Both times 5 has to come out. What does your difference give, and what
# has to be added to it?
# </details>

# %% nbgrader={"grade": false, "grade_id": "max_from_relu", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_from_relu(a, b, relu):
    """Return the larger one of a and b at each place, using the relu that is handed in.

    Args:
        a, b: tensors of the same shape.
        relu: function from a tensor to a tensor of the same shape.

    Returns:
        tensor of the shape of a.

    Example:
        >>> max_from_relu(torch.tensor([1., -2]), torch.tensor([3., -4]), torch.relu)
        tensor([ 3., -2.])
    """
    ### BEGIN SOLUTION
    return a + relu(b - a)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-max_from_relu", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.max_from_relu(max_from_relu)
### BEGIN HIDDEN TESTS
earned = check.max_from_relu(max_from_relu, seed=secret("max_from_relu"))
### END HIDDEN TESTS
2 * earned

# %%
plot.show(plot_pool_layers.hinge(max_from_relu))

# %% [markdown]
# With softplus the corner is rounded: both numbers get a share of the gradient, the larger one more of it. And the
# largest of **four** numbers, a 2×2 window, is a small tournament: $\max(\max(a, b), \max(c, d))$: two
# rounds, one after the other. So a network of convolutions and ReLUs can learn to do max pooling by itself.

# %% [markdown]
# ## 7. A mean made of a convolution
#
# Average pooling is even simpler: a sum of products in which all weights are equal. So it **is** a convolution,
# with a kernel of equal numbers and a stride. Each map is averaged by itself, which is a **depthwise** convolution:
# as many groups as channels, and each kernel has one slice only. `torch.nn.functional.conv2d` takes its weights in
# the shape $(C, 1, k_h, k_w)$, with `groups=C`.
#
# $$y_{n,c,i,j} = \sum_{a=0}^{k_h-1} \sum_{b=0}^{k_w-1} w_{c,0,a,b} \; x_{n,\,c,\;s_h i + a,\; s_w j + b}, \qquad w_{c,0,a,b} = \; ?$$
#
# ### Exercise 8. `mean_kernels` — ●○○ 8 minutes, 2 points
#
# <details><summary>Hint</summary>
#
# What must the weights of one kernel add up to, so that an image of ones stays an image of ones?
# </details>
# <details><summary>Second hint</summary>
#
# `torch.full` makes a tensor of equal numbers. How many numbers of **one** kernel share in that sum?
# </details>

# %% nbgrader={"grade": false, "grade_id": "mean_kernels", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean_kernels(channels, kernel_size):
    """Return the weights of a depthwise convolution that does average pooling.

    Args:
        channels: number of maps, int.
        kernel_size: rows and columns of the window (kh, kw).

    Returns:
        tensor of shape (channels, 1, kh, kw), float.

    Example:
        >>> mean_kernels(3, (1, 2)).shape, float(mean_kernels(3, (1, 2))[0, 0, 0, 1])
        (torch.Size([3, 1, 1, 2]), 0.5)
    """
    ### BEGIN SOLUTION
    kh, kw = kernel_size
    return torch.full((channels, 1, kh, kw), 1 / (kh * kw))
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-mean_kernels", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.mean_kernels(mean_kernels)
### BEGIN HIDDEN TESTS
earned = check.mean_kernels(mean_kernels, seed=secret("mean_kernels"))
### END HIDDEN TESTS
2 * earned

# %%
plot.show(plot_pool_layers.mean_filters(mean_kernels))

# %% [markdown]
# A learned convolution with stride 2 could therefore replace average pooling, and learn better weights. Max pooling
# is **not** a convolution with any weights: it does not add up. (The maximum of a sum is not the sum of the
# maxima.)

# %% [markdown]
# ## 8. One number for each map
#
# After the last convolution, VGG16 has 512 maps of 7×7. How does one get from there to 1000 classes? The old way:
# **flatten** all maps into one long row and connect it with the classes. The new way (ResNet and most others
# since): take the **mean of each map**. What remains is one number for each feature: how much of it is in the
# image.
#
# $$z_{n,c} = \frac{1}{HW} \sum_{i=0}^{H-1} \sum_{j=0}^{W-1} x_{n,c,i,j}$$
#
# ### Exercise 9. `global_avg_pool` — ●○○ 5 minutes, 2 points
#
# <details><summary>Hint</summary>
#
# The axes of the image are the last two. The result has two axes: images and channels.
# </details>
# <details><summary>Second hint</summary>
#
# `.sum` and `.mean` take a tuple of axes, and leave those axes out of the result.
# </details>

# %% nbgrader={"grade": false, "grade_id": "global_avg_pool", "locked": false, "schema_version": 3, "solution": true, "task": false}
def global_avg_pool(x):
    """Return the mean of each map.

    Args:
        x: images, tensor of shape (N, C, H, W).

    Returns:
        tensor of shape (N, C), of the same dtype as x.

    Example:
        >>> global_avg_pool(torch.tensor([[[[1., 3]], [[10., 20]]]]))
        tensor([[ 2., 15.]])
    """
    ### BEGIN SOLUTION
    return x.mean((2, 3))
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-global_avg_pool", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.global_avg_pool(global_avg_pool)
### BEGIN HIDDEN TESTS
earned = check.global_avg_pool(global_avg_pool, seed=secret("global_avg_pool"))
### END HIDDEN TESTS
2 * earned

# %% [markdown]
# The two maps of lab 1 after a ReLU: filter 1 found a little more than filter 2.

# %%
plot.show(plot_pool_layers.global_means(global_avg_pool, pool.two_maps().relu()))

# %% [markdown]
# ### Exercise 10. `head_params` — ●○○ 6 minutes, 2 points
#
# A fully connected layer from $n$ numbers to $K$ classes has $nK$ weights and $K$ biases. Count its parameters for
# maps of shape $(C, H, W)$: once after flattening, once after global average pooling.
#
# <details><summary>Hint</summary>
#
# How many numbers enter the layer in each case? That is the only difference.
# </details>
# <details><summary>Second hint</summary>
#
# Flattened, there are `channels * height * width` numbers; pooled, one for each channel. Do not forget the biases.
# </details>

# %% nbgrader={"grade": false, "grade_id": "head_params", "locked": false, "schema_version": 3, "solution": true, "task": false}
def head_params(channels, height, width, classes):
    """Count the parameters of a fully connected layer behind the last maps, with biases.

    Args:
        channels, height, width: shape of the last maps, ints.
        classes: number of outputs, int.

    Returns:
        two ints: (after flattening, after global average pooling).

    Example:
        >>> head_params(512, 7, 7, 1000)
        (25089000, 513000)
    """
    ### BEGIN SOLUTION
    return (channels * height * width + 1) * classes, (channels + 1) * classes
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-head_params", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.head_params(head_params)
### BEGIN HIDDEN TESTS
earned = check.head_params(head_params, seed=secret("head_params"))
### END HIDDEN TESTS
2 * earned

# %%
plot_shift.head_table(head_params, pool.heads())
plot.show(plot_shift.heads(head_params, pool.heads()))

# %% [markdown]
# Pooling makes the head $H \cdot W$ times smaller, here 36 to 49 times. And there is a second gain: the number of
# parameters no longer depends on the size of the image, so the same network can look at larger photos. (What VGG16
# really has there is larger still: $512 \cdot 7 \cdot 7$ numbers go to **4096** units first.)

# %% [markdown]
# ## 9. How much does a shift change?
#
# A network should call a cat a cat when it moves by one pixel. Lab 1 measured whether a map **moves with** the
# image (equivariance). Now we ask for more: does the map **stay the same** (invariance)? Move the image to the
# right by $d = 0, 1, 2, \dots$ pixels; let the pixels that leave on the right come in again on the left, so that
# there is no edge. Compare what $f$ gives before and after:
#
# $$c_d = \frac{\sum \left| f(x_d) - f(x) \right|}{\sum \left| f(x) \right|}, \qquad (x_d)_{i,j} = x_{i,\;(j - d) \bmod W}$$
#
# The sums go over all numbers that $f$ gives back. $c_d = 0$: nothing has changed. $c_d = 1$: the change is as
# large as the map itself.
#
# ### Exercise 11. `shift_curve` — ●●○ 12 minutes, 4 points
#
# <details><summary>Hint</summary>
#
# `torch.roll(x, d, dims=1)` moves the columns to the right by `d`, around the edge.
# </details>
# <details><summary>Second hint</summary>
#
# Compute `f(x)` once, before the loop over `d` from 0 to `most`. Absolute values come **before** each sum;
# otherwise changes up and down cancel.
# </details>

# %% nbgrader={"grade": false, "grade_id": "shift_curve", "locked": false, "schema_version": 3, "solution": true, "task": false}
def shift_curve(f, x, most):
    """Measure how much f changes when the image moves right by 0, 1, ..., most pixels.

    Args:
        f: function from an image (H, W) to a tensor of any shape.
        x: image, tensor of shape (H, W). It must stay as it is.
        most: largest shift, int smaller than W.

    Returns:
        tensor of shape (most + 1,): sum |f(x_d) - f(x)| / sum |f(x)| for each d, in x's dtype.

    Example:
        >>> shift_curve(lambda image: image[:, :2], torch.tensor([[4., 1, 2, 3]]), 2)
        tensor([0.0000, 0.8000, 0.8000])
    """
    ### BEGIN SOLUTION
    before = f(x)
    curve = x.new_zeros(most + 1)
    for d in range(most + 1):
        after = f(torch.roll(x, d, dims=1))
        curve[d] = (after - before).abs().sum() / before.abs().sum()
    return curve
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-shift_curve", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.shift_curve(shift_curve)
### BEGIN HIDDEN TESTS
earned = check.shift_curve(shift_curve, seed=secret("shift_curve"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# Below, $f$ finds the vertical edges of a photo, and then pools them in different ways.

# %%
plot.show(plot_shift.curves(shift_curve, images.photo("camera", 96)))

# %% [markdown]
# An edge map without pooling has changed completely after one or two pixels. Leaving out pixels makes it no better.
# The maximum of 4×4 changes a quarter as much for one pixel, because most winners stay in their window. The larger
# the window, the flatter the curve; and the mean of the **whole** map does not change at all.

# %% [markdown]
# ## 10. Blur before you step
#
# Pooling makes the curve flatter, but its stride has a flaw. Take a row of blocks, `0 0 1 1 0 0 1 1`. The largest of
# 2, with stride 2, gives `0 1 0 1`. Now move the row by **one** pixel: the result is `1 1 1 1`. It is the same pattern,
# and yet half of the answers are different. The maximum is not to blame: with stride 1 its answers only move along with
# the row. The **stride** is: it keeps every second answer, and after the shift these are the other ones.
#
# Signal processing has a rule for this: **blur before you leave out pixels**, so that each one that stays tells
# something of those that go. So max pooling with stride 2 is done in two steps: the largest of 2×2 with stride **1**, and
# then a blur with stride 2. A blur with a stride is called **blur-pool** (Zhang 2019):
#
# $$k = \frac{1}{16} \begin{bmatrix} 1 & 2 & 1 \\ 2 & 4 & 2 \\ 1 & 2 & 1 \end{bmatrix}, \qquad
# y_{n,c,i,j} = \sum_{a=0}^{2} \sum_{b=0}^{2} k_{ab} \; \tilde{x}_{n,c,\; s_h i + a,\; s_w j + b}$$
#
# $\tilde x$ is $x$ with a border of one pixel that is **reflected**: left of the pixels 0, 1, 2 stands a copy of
# pixel 1. Each map is blurred by itself.
#
# ### Exercise 12. `blur_pool2d` — ●●● 15 minutes, 4 points
#
# Here you may use `torch.nn.functional.conv2d`.
#
# <details><summary>Hint</summary>
#
# `torch.nn.functional.pad` makes the border; it has a `mode="reflect"`. The kernel is an outer product: the column 1, 2, 1
# times the row 1, 2, 1, divided by 16. Mind the dtype.
# </details>
# <details><summary>Second hint</summary>
#
# It is a depthwise convolution, as in exercise 8, with the same 3×3 kernel for every channel: `expand` repeats a tensor
# along new axes without a copy. Which shape do the weights need, and how many groups? Let the convolution do the stepping.
# </details>

# %% nbgrader={"grade": false, "grade_id": "blur_pool2d", "locked": false, "schema_version": 3, "solution": true, "task": false}
def blur_pool2d(x, stride=(2, 2)):
    """Blur each map by [1, 2, 1] / 4 along both axes; keep every stride-th row and column.

    Args:
        x: images, tensor of shape (N, C, H, W), H and W at least 2.
        stride: steps (down, right).

    Returns:
        tensor of shape (N, C, (H - 1) // sh + 1, (W - 1) // sw + 1), of the dtype of x.

    Example:
        >>> x = torch.tensor([[[[0., 0, 16, 0], [0, 0, 16, 0]]]])
        >>> blur_pool2d(x, stride=(2, 1))
        tensor([[[[0., 4., 8., 8.]]]])
    """
    ### BEGIN SOLUTION
    line = torch.tensor([1, 2, 1], dtype=x.dtype)
    kernel = torch.outer(line, line) / 16
    channels = x.shape[1]
    bordered = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
    weights = kernel.expand(channels, 1, 3, 3)
    return torch.nn.functional.conv2d(bordered, weights, stride=stride, groups=channels)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-blur_pool2d", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.blur_pool2d(blur_pool2d)
### BEGIN HIDDEN TESTS
earned = check.blur_pool2d(blur_pool2d, seed=secret("blur_pool2d"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# The row of blocks, still and moved, with max pooling and with your blur:

# %%
plot.show(plot_shift.flicker(blur_pool2d))

# %% [markdown]
# The blurred answers of the two rows are not equal either, but they are closer, and their **mean** is the same: 0.75.
# Without the blur the means are 0.5 and 1. Now the photo: pool its edges, and take the mean of everything, as global average
# pooling does at the end of a network. How much does this one number change when the photo moves?

# %%
plot.show(plot_shift.smoother(shift_curve, blur_pool2d, images.photo("camera", 96)))

# %% [markdown]
# What the stride does wrong has a name, **aliasing**: fine patterns turn into coarse ones that are not there. Rings
# that get finer towards the edge show it best.

# %%
plot.show(plot_shift.aliasing(blur_pool2d, pool.rings()))

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-shift-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 3. Read the curves — ●●○ 10 minutes, 3 points
#
# 1. In section 9 the curve of the global average is exactly 0. Why? And why would it **not** be exactly 0 if you
#    moved the camera instead?
# 2. In section 10 the curve of "largest of 2×2, stride 2" jumps up and down, and is 0 for every **even** shift.
#    Why?
# 3. A friend says: "Invariance is good, so pool more: one global pooling directly after the first convolution."
#    What would the network no longer know? Name one task for which pooling as a whole does harm.
#
# ### BEGIN MARK SCHEME
# - **1 point** for (1): the shifted map holds the same numbers in other places, and the mean does not look at
#   places (½). A real camera brings new pixels in at one edge and loses others; also noise, light, shifts by
#   fractions of a pixel (one of these: ½).
# - **1 point** for (2): a shift by 2 (an even number) moves whole windows onto windows, so the pooled map holds the
#   same numbers, moved (½); a shift by an odd number cuts the image into other windows, with other maxima (½).
# - **1 point** for (3): where things are, and what stands next to what; only "how much of each small feature" is
#   left, a face and the same parts shuffled look alike (½). A task that needs places: detection, segmentation,
#   pose, reading text, counting, depth (½).
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-shift", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
# 1. Moving the photo around the edge moves the edge map around the edge; it holds the same numbers, in other
#    places. A mean does not depend on the order. A camera that moves brings in new pixels on one side and loses
#    some on the other, so the mean changes.
# 2. With an even shift every 2×2 window lands exactly on another window. The pooled map is the same, only moved, so
#    its mean is the same. With an odd shift the windows hold other pairs of columns, and other numbers win.
# 3. It would know how much of each small feature there is, but not where, and so not which features are next to
#    each other: eyes above a nose look like a nose above eyes. Segmentation (a class for each pixel) needs exact
#    places, and pooling throws them away.
# ### END SOLUTION

# %% [markdown]
# ## What you have learned
#
# - Pooling keeps the largest number or the mean of each window. It works on each map by itself and has no
#   parameters.
# - $W_2 = (W_1 - F)/S + 1$; PyTorch rounds down, or up with `ceil_mode`, but no window may start behind the input.
# - The border of max pooling is $-\infty$; the border of average pooling counts, or it does not.
# - In max pooling the gradient goes to the winners only. A maximum is made of ReLUs, a mean is a depthwise
#   convolution.
# - Global average pooling makes the head of a network $H \cdot W$ times smaller.
# - Behind pooling a map changes less when the image moves a little. With a stride the answer also depends on where the
#   windows happen to fall: blur before you step.
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
