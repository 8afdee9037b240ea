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
#     lab: 04_feature_maps
#     minutes: 210
#     run_seconds: 180
#     title: Looking at feature maps
# ---

# %% [markdown]
# # Lab 4. Looking at feature maps
# <!-- labkit:badge -->
#
# A trained network turns a photo into numbers, layer by layer. Each layer gives a stack of **feature maps**: pictures
# of where it found something. In this lab you open a network, look at its maps, measure what one number sees, and
# find the places of a photo that an answer rests on.
#
# The network is **ResNet-50**, trained on the 1.2 million photos and 1000 classes of ImageNet. If its weights are not
# on your computer, the small network that comes with labkit stands in, and the notebook says so; every exercise works
# with either.
#
# After this lab you can
#
# - read what any layer of a network gives, with a hook that leaves no trace,
# - show maps and filters as pictures, without fooling yourself with the colours,
# - predict the size and the number of maps by depth, and how many pixels one number sees,
# - say what a network answers for a photo with two subjects, or with one subject in bad light,
# - draw where the evidence for a class lies: by covering, by class activation maps and by Grad-CAM.
#
# **Time:** about 3½ hours of your time, in pieces if you like. Running the whole notebook takes about a minute and a
# half on a laptop with two cores; no graphics card is needed.
#
# **How it works.** As before: a cell to fill in, a check below it that says in words what does not fit yet, and a
# picture drawn by *your* function. The dots tell how hard an exercise is: ●○○ short, ●●○ some thought, ●●● take a
# break first. You can leave an exercise out: later ones do not need it.
#
# Run this cell first.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
# labkit:setup
import torch

from labkit import check, images, looking, scenes
from labkit import explore_maps, plot, plot_evidence, plot_fields, plot_maps

_ = torch.manual_seed(0)
print("ready: torch", torch.__version__)

# %% [markdown]
# ## 1. A hook on a layer
#
# Here is the network, and the photo that it will look at. `preprocess` resizes, crops and normalises the photo in the
# way that belongs to these weights (lab 5 shows what happens if you do it in another way).

# %%
found = looking.network()
net, photo = found.net, scenes.subject("chelsea")
x = found.preprocess(photo)
print("input", tuple(x.shape), "->", [f"{name} {p:.0%}" for name, p in found.top(photo, 3)])
print("layers:", ", ".join(name for name, _ in net.named_children()))

# %% [markdown]
# A network gives you only its last result. To see what a layer gives on the way, PyTorch lets you hang a function on
# it, a **forward hook**. It is called each time the layer has run:
#
# ```python
# def hook(layer, inputs, output):
#     ...                                   # look at the output; return nothing
#
# handle = net.get_submodule("layer1.0.conv2").register_forward_hook(hook)
# net(x)
# handle.remove()
# ```
#
# Three traps wait here. A hook that is not removed stays on the network **for ever**, keeps maps in memory and runs
# each time, so remove it also when the network stops with an error. Many networks have ReLUs that work **in place**
# (`nn.ReLU(inplace=True)`): they overwrite the map that you have just kept. And a function made in a loop looks up
# the loop's variable when it **runs**, not when it is made.
#
# ### Exercise 1. `record` — ●●○ 20 minutes, 5 points
#
# Return what the named layers give, as a dictionary. `tiny_net` is given: a small network to try it on, with in-place
# ReLUs and a block with a **shortcut**, which adds its input to what its layers give. Leave it as it is.
# <details><summary>Hint</summary>
#
# `net.get_submodule` finds a layer by its name, also one inside a block; `register_forward_hook` gives a handle, with
# which a hook is taken off again. A hook gets the layer's own output: what does an in-place ReLU behind the layer do to
# it, if you keep no copy? And is the graph for gradients wanted in what you keep?
# </details>
# <details><summary>Second hint</summary>
#
# A hook that is made in a loop looks its name up when it runs, and finds the **last** one. A function that takes a name
# and returns a hook gives each hook a name of its own. Which statement of Python does its work also when an error
# passes through?
# </details>

# %% nbgrader={"grade": false, "grade_id": "record", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Shortcut(torch.nn.Sequential):
    """Given: layers one after another, whose input is added to what they give."""

    def forward(self, x):
        return x + super().forward(x)


def tiny_net():
    """Given: a small network for pictures of any size, to try hooks on."""
    block = Shortcut()
    block.conv = torch.nn.Conv2d(4, 4, 3, padding=1)
    block.relu = torch.nn.ReLU(inplace=True)
    net = torch.nn.Sequential()
    net.conv1 = torch.nn.Conv2d(3, 4, 3, padding=1)
    net.relu1 = torch.nn.ReLU(inplace=True)
    net.block = block
    net.conv2 = torch.nn.Conv2d(4, 6, (3, 2), stride=(2, 1))
    net.relu2 = torch.nn.ReLU(inplace=True)
    net.pool = torch.nn.AdaptiveAvgPool2d(1)
    net.flatten = torch.nn.Flatten()
    net.fc = torch.nn.Linear(6, 5)
    return net


def record(net, names, x):
    """Run a network and return what the named layers give; the network stays as it was.

    Args:
        net: a torch.nn.Module.
        names: names of layers, a list of strings such as "conv1" or "block.conv".
        x: input, tensor of shape (N, C, H, W).

    Returns:
        dict from each name to a copy of the layer's output. No hook of yours is left on the network, also
        when it stops with an error, which is passed on; hooks of others stay.

    Example:
        >>> maps = record(tiny_net(), ["block.relu", "conv2"], torch.zeros(2, 3, 7, 10))
        >>> [(name, tuple(value.shape)) for name, value in maps.items()]
        [('block.relu', (2, 4, 7, 10)), ('conv2', (2, 6, 3, 9))]
    """
    ### BEGIN SOLUTION
    maps, handles = {}, []

    def keep(name):
        return lambda layer, inputs, output: maps.update({name: output.detach().clone()})

    try:
        for name in names:
            handles.append(net.get_submodule(name).register_forward_hook(keep(name)))
        with torch.no_grad():
            net(x)
    finally:
        for handle in handles:
            handle.remove()
    return maps
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-record", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
earned = check.record(record, tiny_net)
### BEGIN HIDDEN TESTS
earned = check.record(record, tiny_net, seed=secret("record"))
### END HIDDEN TESTS
5 * earned

# %% [markdown]
# ## 2. Maps as pictures
#
# A map holds any numbers, for instance from 0 to 0.03, or from −40 to 90. A screen wants 0 (dark) to 1 (bright). So
# each map is **stretched** by its own smallest and largest number:
#
# $$\tilde{m}_{c,i,j} = \frac{m_{c,i,j} - \min m_c}{\max m_c - \min m_c}$$
#
# This shows the pattern of each map, and hides how large its numbers are: a map of nearly nothing looks as bright as
# a strong one. Keep this in mind for every picture below. And where a map is **constant**, the formula is $0/0$: let
# it be 0.
#
# ### Exercise 2. `stretch` — ●○○ 8 minutes, 3 points
# <details><summary>Hint</summary>
#
# `amin` and `amax` take a tuple of axes; with `keepdim=True` these axes stay, with length 1, so that the result goes
# with the maps. Which axes belong to one map?
# </details>
# <details><summary>Second hint</summary>
#
# Subtract first, then divide: by what? In a constant map that number is 0, and any other number would do there;
# `torch.where` chooses between two. (A small number such as 1e-8 added to the divisor is a common habit; it spoils maps
# whose numbers are small themselves.)
# </details>

# %% nbgrader={"grade": false, "grade_id": "stretch", "locked": false, "schema_version": 3, "solution": true, "task": false}
def stretch(maps):
    """Stretch each map to the range from 0 to 1.

    Args:
        maps: tensor of shape (C, H, W). It must stay as it is.

    Returns:
        tensor of the same shape and dtype; each map goes exactly from 0 to 1.
        A constant map is all 0.

    Example:
        >>> stretch(torch.tensor([[[2., 4, 3]], [[-7, -7, -7]]]))
        tensor([[[0.0000, 1.0000, 0.5000]],
        <BLANKLINE>
                [[0.0000, 0.0000, 0.0000]]])
    """
    ### BEGIN SOLUTION
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    width = torch.where(high > low, high - low, torch.ones_like(low))
    return (maps - low) / width
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-stretch", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.stretch(stretch)
### BEGIN HIDDEN TESTS
earned = check.stretch(stretch, seed=secret("stretch"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# Choose a stage and look at its strongest channels, laid over the photo. In the strip: early maps follow edges and
# colours, late ones light up on parts.

# %%
explore_maps.channels(stretch, found, photo)

# %% [markdown]
# One map at a time is slow reading. A **montage** puts many side by side, row by row, with a gap between them.
#
# ### Exercise 3. `montage` — ●●○ 12 minutes, 4 points
#
# The gap is **between** the maps, not around them. The last row need not be full; what is empty has the value of the gap.
# <details><summary>Hint</summary>
#
# How large is it? $R$ rows of maps are $R \cdot h$ rows of pixels, with $R - 1$ gaps between them. How many rows do $C$
# maps need, if the last row need not be full? (`//` rounds down; lab 2 has shown how to round up.)
# </details>
# <details><summary>Second hint</summary>
#
# Fill everything with the value first: `new_full` keeps the dtype. Divide the number of a map by `columns`: what do the
# quotient and the remainder tell you? And how many pixels is it from the corner of one map to the corner of the next?
# </details>

# %% nbgrader={"grade": false, "grade_id": "montage", "locked": false, "schema_version": 3, "solution": true, "task": false}
def montage(maps, columns, gap=1, value=1.0):
    """Put maps side by side, row by row from the top left.

    Args:
        maps: tensor of shape (C, h, w).
        columns: how many maps stand in a row, int from 1 to C.
        gap: pixels between neighbours, int >= 0.
        value: the number in the gaps, and where the last row has no map.

    Returns:
        tensor of shape (R * h + (R - 1) * gap, columns * w + (columns - 1) * gap)
        with R rows of maps, of the dtype of the maps.

    Example:
        >>> montage(torch.tensor([[[1., 2]], [[3, 4]], [[5, 6]]]), 2, value=9.0)
        tensor([[1., 2., 9., 3., 4.],
                [9., 9., 9., 9., 9.],
                [5., 6., 9., 9., 9.]])
    """
    ### BEGIN SOLUTION
    count, h, w = maps.shape
    rows = -(-count // columns)
    wall = maps.new_full((rows * (h + gap) - gap, columns * (w + gap) - gap), value)
    for n in range(count):
        top, left = n // columns * (h + gap), n % columns * (w + gap)
        wall[top : top + h, left : left + w] = maps[n]
    return wall
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-montage", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.montage(montage)
### BEGIN HIDDEN TESTS
earned = check.montage(montage, seed=secret("montage"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# The whole network on one wall: of each stage the 24 maps with the largest numbers.

# %%
stages = looking.maps_of(net, looking.STAGES, x)
plot.show(plot_maps.wall(stretch, montage, stages), dpi=120)

# %% [markdown]
# From top to bottom the maps get smaller and emptier. At the top you recognise the photo; at the bottom you see a few
# bright places: *something* was found *there*, and only the next layer knows what it means.
#
# ## 3. The filters of the first layer
#
# Inside the network nothing can be read off the weights by eye, with one exception. The **first** layer works on red,
# green and blue, so each of its filters is itself a small picture in colour. Weights have both signs, and the sign
# matters: so **zero shall be grey** (0.5), and the largest absolute weight of each filter shall reach 0 or 1:
#
# $$p = \frac{1}{2} + \frac{w}{2 \max |w|}$$
#
# The maximum goes over the whole filter, its three colours together; otherwise the colours would change.
#
# ### Exercise 4. `filter_pictures` — ●○○ 8 minutes, 3 points
# <details><summary>Hint</summary>
#
# Measure each filter by its largest absolute weight; over which axes is that? Divided by it, the weights lie between −1
# and 1. How do you bring these numbers to 0 … 1, so that 0 becomes 0.5? A filter of zeros needs care, as in exercise 2.
# </details>
# <details><summary>Second hint</summary>
#
# Pictures want the colours last: `permute` puts the axes of `(K, 3, kh, kw)` into another order. (`reshape` to the same
# shape would mix the numbers up.)
# </details>

# %% nbgrader={"grade": false, "grade_id": "filter_pictures", "locked": false, "schema_version": 3, "solution": true, "task": false}
def filter_pictures(weights):
    """Turn the filters of a first layer into pictures in colour.

    Args:
        weights: tensor of shape (K, 3, kh, kw), numbers of both signs.

    Returns:
        tensor of shape (K, kh, kw, 3) in [0, 1], of the same dtype: weight 0 is 0.5,
        and the largest absolute weight of each filter is 0 or 1.
        A filter of zeros is grey everywhere.

    Example:
        >>> filter_pictures(torch.tensor([[[[4.]], [[-2]], [[0]]]]))
        tensor([[[[1.0000, 0.2500, 0.5000]]]])
    """
    ### BEGIN SOLUTION
    most = weights.abs().amax((1, 2, 3), keepdim=True)
    most = torch.where(most > 0, most, torch.ones_like(most))
    return (0.5 + weights / (2 * most)).permute(0, 2, 3, 1)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-filter_pictures", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.filter_pictures(filter_pictures)
### BEGIN HIDDEN TESTS
earned = check.filter_pictures(filter_pictures, seed=secret("filter_pictures"))
### END HIDDEN TESTS
3 * earned

# %%
plot.show(plot_maps.filters(filter_pictures, net.conv1.weight.detach()))

# %% [markdown]
# Nobody drew these filters. The network has found edges of all directions, stripes and patches of colour by itself,
# because they help to tell classes apart. Compare them with the filters that you designed in lab 1.
#
# ## 4. Smaller and more: sizes by depth
#
# Before you measure, predict. From lab 1 and 2: a convolution or a pooling with kernel $k$, stride $s$ and padding
# $p$ turns the size $i$ into
#
# $$o = \left\lfloor \frac{i + 2p - k}{s} \right\rfloor + 1$$
#
# in height and in width. A convolution makes as many maps as it has filters; pooling keeps their number.
#
# ### Exercise 5. `map_shapes` — ●●○ 10 minutes, 3 points
# <details><summary>Hint</summary>
#
# Go through the layers with three variables, channels, height and width, and append them after each layer.
# </details>
# <details><summary>Second hint</summary>
#
# Only the number of maps has two cases: if a layer's first entry is `None`, it stays. Height and width are different, so
# compute both.
# </details>

# %% nbgrader={"grade": false, "grade_id": "map_shapes", "locked": false, "schema_version": 3, "solution": true, "task": false}
def map_shapes(image, layers):
    """Predict the shape of the maps behind each layer.

    Args:
        image: shape of the input, (C, H, W).
        layers: list of (filters, k, s, p): number of filters, kernel size, stride,
            padding on each side; filters is None for a pooling.

    Returns:
        list with (C, H, W) behind each layer, ints.

    Example:
        >>> map_shapes((3, 224, 320), [(64, 7, 2, 3), (None, 3, 2, 1)])
        [(64, 112, 160), (64, 56, 80)]
    """
    ### BEGIN SOLUTION
    channels, height, width = image
    shapes = []
    for filters, k, s, p in layers:
        channels = channels if filters is None else filters
        height, width = (height + 2 * p - k) // s + 1, (width + 2 * p - k) // s + 1
        shapes.append((channels, height, width))
    return shapes
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-map_shapes", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.map_shapes(map_shapes)
### BEGIN HIDDEN TESTS
earned = check.map_shapes(map_shapes, seed=secret("map_shapes"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# Your prediction, one line a stage (a stage of many layers halves the size once, or not at all), and what your hook
# measures. If you have not written `record`, labkit measures.

# %%
plot_maps.shapes_table(map_shapes, record, found)
plot.show(plot_maps.stairs(map_shapes, found))

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-depth-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 1. Why smaller, and why more? — ●●○ 12 minutes, 4 points
#
# Use the table above. (With the stand-in network the numbers are smaller; the argument is the same.)
#
# 1. From one stage to the next, height and width are halved and the number of maps is doubled. By what factor does
#    the **number of numbers** change? By what factor does the **work** of a 3×3 convolution from $C$ to $C$ maps
#    change?
# 2. A classmate says: "Each stage keeps half of the information about the photo." What do the many maps keep that one
#    map of half the size would have lost?
# 3. The last maps are 7×7 (or 4×4). For which task is this a problem, and what would you change in the network if you
#    needed maps of twice the size there?
#
#
# ### BEGIN MARK SCHEME
#
# - **1 point** for (1): numbers: 2 · ¼ = ½ (½); work H·W·9·C·C: ¼ · 4 = 1, so it stays the same (½).
# - **2 points** for (2): each map answers another question (which feature), at fewer places (1); what is lost is
#   exact position, what is won is kinds of things; the argument that information is not the count of numbers, or an
#   example such as "which of 2048 parts is here" (1).
# - **1 point** for (3): tasks that need places: segmentation, detection of small objects, reading text (½); a stride
#   of 1 in the last stage (with dilation), a larger input, or upsampling / adding maps of an earlier stage (½).
#
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-depth", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
#
# 1. Each stage has ¼ of the places and twice the maps, so half of the numbers (802,816, 401,408, 200,704, 100,352 in
#    ResNet-50). The work of a 3×3 convolution is H·W·9·C·C: ¼ of the places times 4 for C·C, so it stays the same.
# 2. One number of a late map says how strongly one kind of thing is there. With more maps there are more kinds. Where
#    exactly it was is what gets lost: the network trades "where" for "what".
# 3. Segmentation, small objects, text: 7×7 places are too coarse. One can take the stride out of the last stage (and
#    use dilation so that the windows still see as far), feed a larger image, or upsample and add an earlier stage.
#
# ### END SOLUTION

# %% [markdown]
# ## 5. Mostly nothing
#
# A ReLU sets everything below 0 to 0. How much of a map is 0? And are there channels that stay silent for **all**
# photos? Such a channel costs time and says nothing (lab 3 called its unit dead).
#
# ### Exercise 6. `sparsity` — ●○○ 7 minutes, 3 points
# <details><summary>Hint</summary>
#
# A comparison gives true and false. Turned to floats, their mean is the share of the true ones.
# </details>
# <details><summary>Second hint</summary>
#
# How do you know from **one** number that a channel is 0 everywhere? (The maps come from a ReLU, so nothing is below
# 0.) `amax` takes a tuple of axes: which ones have to go, so that one number a channel is left?
# </details>

# %% nbgrader={"grade": false, "grade_id": "sparsity", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sparsity(maps):
    """Measure how empty the maps behind a ReLU are.

    Args:
        maps: tensor of shape (N, C, H, W), numbers >= 0.

    Returns:
        (zeros, silent): the share of all numbers that are 0, and the share of the
        channels that are 0 everywhere in all N images; two numbers from 0 to 1.

    Example:
        >>> sparsity(torch.tensor([[[[0., 3]], [[0, 0]]], [[[0, 0]], [[0, 0]]]]))
        (0.875, 0.5)
    """
    ### BEGIN SOLUTION
    zeros = (maps == 0).double().mean()
    silent = (maps.amax((0, 2, 3)) == 0).double().mean()
    return float(zeros), float(silent)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-sparsity", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.sparsity(sparsity)
### BEGIN HIDDEN TESTS
earned = check.sparsity(sparsity, seed=secret("sparsity"))
### END HIDDEN TESTS
3 * earned

# %%
names = ("chelsea", "coffee", "astronaut", "rocket")
subjects = [scenes.subject(name) for name in names]
subjects += [p.flip(2) for p in subjects]
batch = torch.cat([found.preprocess(p) for p in subjects])
plot.show(plot_maps.zeros(sparsity, looking.maps_of(net, looking.STAGES, batch)))

# %% [markdown]
# In ResNet-50's first stages about a third of the numbers are 0, in the last one most are: each of its channels waits
# for something special. But hardly any channel is silent for all eight photos: each one answers somewhere.
#
# ## 6. What one number sees
#
# A number in a map depends on a window of the photo, its **receptive field**. Follow it through the layers. Let $f$
# be the field so far and $j$ the **jump**: how many pixels of the photo lie between neighbours of the present map.
# Both start at 1. A layer with kernel $k$ and stride $s$ adds $k - 1$ steps of the **present** jump, and then the
# jump grows:
#
# $$f \leftarrow f + (k - 1)\, j, \qquad j \leftarrow j \cdot s$$
#
# ### Exercise 7. `receptive_field` — ●○○ 8 minutes, 3 points
# <details><summary>Hint</summary>
#
# Two lines in a loop, in this order: the field first, with the jump of the layers **before**; then the jump.
# </details>
# <details><summary>Second hint</summary>
#
# Try it on paper: a 7×7 with stride 2 gives field 7, jump 2; then a 3×3 with stride 2 gives 7 + 2 · 2 = 11, jump 4.
# </details>

# %% nbgrader={"grade": false, "grade_id": "receptive_field", "locked": false, "schema_version": 3, "solution": true, "task": false}
def receptive_field(layers):
    """Compute how many pixels, along one axis, one number behind the layers sees.

    Args:
        layers: list of (kernel size, stride), from the first layer to the last.

    Returns:
        two ints: (field, jump), the size of the window in pixels of the input, and
        the distance between the windows of two neighbours.

    Example:
        >>> receptive_field([(7, 2), (3, 2), (3, 1)])
        (19, 4)
    """
    ### BEGIN SOLUTION
    field, jump = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * jump
        jump *= stride
    return field, jump
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-receptive_field", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.receptive_field(receptive_field)
### BEGIN HIDDEN TESTS
earned = check.receptive_field(receptive_field, seed=secret("receptive_field"))
### END HIDDEN TESTS
3 * earned

# %%
plot_fields.field_table(receptive_field, found)
plot.show(plot_fields.boxes(receptive_field, found, photo), dpi=110)

# %% [markdown]
# **Two ResNet-50s.** The paper of 2015 has the stride of a stage in its first 1×1 convolution, and the fields are 7,
# 35, 99, 291 and 483. torchvision has it in the 3×3 (often called v1.5): 7, 35, **91, 267, 427**. Your table tells
# which one you have. The weights look alike and fit into either; with the wrong strides nothing stops, and the
# answers get worse.
#
# ### By the gradient
#
# Arithmetic says what a number *could* see. Which pixels *do* move it? Ask the gradient: a pixel with gradient 0 has
# no influence. For the place $(r, c)$ of a map $y = f(x)$, with all channels together:
#
# $$g_{n,c',i,j} = \frac{\partial}{\partial x_{n,c',i,j}} \sum_{c''} y_{0,\,c'',\,r,\,c}$$
#
# ### Exercise 8. `field_of` — ●●● 20 minutes, 4 points
#
# Find the smallest box around all pixels whose gradient is not 0 (in any channel of $x$).
# <details><summary>Hint</summary>
#
# Take a copy of `x` that requires a gradient, and let `f` work on it. `torch.autograd.grad` takes **one** number and
# the copy, and gives a tuple with one tensor. How do you make one number of all maps at this place?
# </details>
# <details><summary>Second hint</summary>
#
# A pixel counts if its gradient is not 0 in any channel: `any` takes an axis. In that picture of true and false, which
# rows hold a true one, and which columns? `nonzero` gives their numbers. How high is a box that begins in row 3 and
# ends in row 3?
# </details>

# %% nbgrader={"grade": false, "grade_id": "field_of", "locked": false, "schema_version": 3, "solution": true, "task": false}
def field_of(f, x, row, col):
    """Find which pixels of the input move one place of a map.

    Args:
        f: function from (1, C, H, W) to maps (1, K, h, w), with gradients.
        x: input, tensor of shape (1, C, H, W). It must stay as it is.
        row, col: place in the maps, ints.

    Returns:
        four ints (top, left, height, width): the smallest box that holds all pixels
        with a gradient other than 0, for the sum of all maps at this place.

    Example:
        >>> f = lambda x: torch.nn.functional.max_pool2d(x, (2, 3))
        >>> x = torch.arange(24.0).reshape(1, 1, 4, 6)
        >>> field_of(f, x, 1, 1)  # the winner is the last pixel
        (3, 5, 1, 1)
    """
    ### BEGIN SOLUTION
    leaf = x.detach().clone().requires_grad_()
    y = f(leaf)
    (gradient,) = torch.autograd.grad(y[0, :, row, col].sum(), leaf)
    moved = (gradient[0] != 0).any(0)
    rows, cols = moved.any(1).nonzero().flatten(), moved.any(0).nonzero().flatten()
    top, left = int(rows[0]), int(cols[0])
    return top, left, int(rows[-1]) - top + 1, int(cols[-1]) - left + 1
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-field_of", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.field_of(field_of)
### BEGIN HIDDEN TESTS
earned = check.field_of(field_of, seed=secret("field_of"))
### END HIDDEN TESTS
4 * earned

# %%
plot.show(plot_fields.seen(field_of, found, photo), dpi=110)

# %% [markdown]
# The dashed box is yours; how bright a pixel is shows how strongly it counts. Most of the influence comes from a
# small part in the middle of the field: there are many paths from the middle to the number, and few from the rim.
# What counts, the **effective** receptive field, is much smaller than the arithmetic says.
#
# ## 7. What does the network say?
#
# The last layer gives one number a class, the logits. The softmax of lab 3 turns them into probabilities. Nobody
# reads 1000 of them, so one shows the **top 5**.
#
# ### Exercise 9. `top_k` — ●○○ 7 minutes, 3 points
# <details><summary>Hint</summary>
#
# The softmax goes over **all** classes, before you choose. `topk` gives values and places, largest first.
# </details>
# <details><summary>Second hint</summary>
#
# `tolist` turns both into lists of Python numbers, and `zip` goes through them together. What is the name that belongs
# to a place?
# </details>

# %% nbgrader={"grade": false, "grade_id": "top_k", "locked": false, "schema_version": 3, "solution": true, "task": false}
def top_k(logits, names, k=5):
    """Return the k most probable classes.

    Args:
        logits: tensor of shape (K,).
        names: the K names of the classes.
        k: how many to return, int from 1 to K.

    Returns:
        list of k pairs (name, probability), the most probable first.

    Example:
        >>> best = top_k(torch.tensor([1., 3, 2]), ("cat", "dog", "cup"), 2)
        >>> [(name, round(p, 3)) for name, p in best]
        [('dog', 0.665), ('cup', 0.245)]
    """
    ### BEGIN SOLUTION
    best = logits.softmax(0).topk(k)
    return [(names[i], p) for p, i in zip(best.values.tolist(), best.indices.tolist(), strict=True)]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-top_k", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.top_k(top_k)
### BEGIN HIDDEN TESTS
earned = check.top_k(top_k, seed=secret("top_k"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# **Two subjects in one photo.** A cat, a cup, and photos that hold both. A softmax must give each photo 100 % in all:
# the classes **compete**, and a photo with two subjects has no place in it. (ImageNet knows several cats: tabby,
# tiger cat, Egyptian cat.)

# %%
explore_maps.photos(top_k, found, scenes.two_in_one())

# %% [markdown]
# **One subject, varied.** Pose, occlusion, illumination, scale and clutter; the bars show the probability of all cats
# together. Age is missing, since no photo can be made older by arithmetic: put photos of one person, animal or thing
# at several ages into `data/my_images`, and the cell below shows them too. Photos of your own subject are better than
# ours anyway.

# %%
cats = plot_evidence.class_of(found, "tabby", "tiger cat", "Egyptian cat", "cat")
plot.show(plot_evidence.bars(top_k, found, scenes.variations(photo), cats, what="a cat"))
own = {p.name: p.pixels for p in images.my_images()}
if own:
    plot.show(plot_evidence.probabilities(top_k, found, own), dpi=110)
else:
    print("data/my_images is empty: put photos there to see them here.")

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-variations-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 2. Read the bars — ●●○ 15 minutes, 4 points
#
# 1. In the photo of two halves, compare the sum over all cats with the sum over all cups and coffees. Why can neither
#    reach the value that it has alone? What would you put in place of the softmax if both subjects should be found?
# 2. Which variation costs most, and which hardly anything? Give a reason for each that uses what you know about the
#    training (photos are flipped, cropped and resized at random) or about pooling.
# 3. A photo of a washing machine gets "washbasin, 97 %". Your friend says: "97 % means that it is right in 97 of 100
#    such photos." What is wrong with that, and how could one test it?
#
#
# ### BEGIN MARK SCHEME
#
# - **1 point** for (1): the softmax shares 100 % among the classes, so the two subjects compete (½); one sigmoid a
#   class (½).
# - **2 points** for (2): the largest loss named from the figure with a reason (clutter: global pooling mixes the
#   features of all places, so the others' features come in; dark: rare in training; far away: the features are
#   smaller than those that were learned) (1); the smallest named with a reason (mirrored: trained with flips;
#   occlusion: other parts are enough) (1).
# - **1 point** for (3): the probability is what the softmax gives, not a measured frequency; networks are often too
#   sure (½); collect many photos with about 97 % and count how many are right (calibration, lab 6) (½).
#
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-variations", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
#
# 1. All probabilities add up to 1, so what the cup wins the cat loses; both subjects have high logits, and the
#    softmax divides by the sum of both. A sigmoid for each class asks "is it there?" for each class by itself, so
#    both can be near 1.
# 2. Clutter costs most (the cats fall to less than a fifth): the mean over all places mixes the cat's features with
#    those of everything else, and the cat is small. Mirroring costs nothing: the training flips half of the photos.
#    Covering a third costs little as well, since an eye and the fur are enough.
# 3. The number is a softmax of logits, not a frequency that somebody counted; trained networks tend to be too sure of
#    themselves. Collect all photos for which it says about 97 %, and count the right ones.
#
# ### END SOLUTION

# %% [markdown]
# ## 8. Where is the evidence?
#
# ### By covering
#
# The simplest test needs no look inside: cover a box of the photo with grey and see how far the probability
# **falls**. Move the box over the photo:
#
# $$d_{ij} = f(x) - f(x \text{ with the box at row } s_h i \text{ and column } s_w j \text{ covered})$$
#
# ### Exercise 10. `occlusion_map` — ●●○ 12 minutes, 4 points
# <details><summary>Hint</summary>
#
# Copy first, then cover, and take a fresh copy for each box; otherwise the boxes add up, and the photo is lost. What
# `f` gives for the whole photo is needed once only.
# </details>
# <details><summary>Second hint</summary>
#
# The box of row `i` and column `j` begins `i` steps further down and `j` steps further right than the first one. It is
# a slice on the left of `=`, as in `pad2d` of lab 1; all channels are covered.
# </details>

# %% nbgrader={"grade": false, "grade_id": "occlusion_map", "locked": false, "schema_version": 3, "solution": true, "task": false}
def occlusion_map(f, x, size, stride, fill=0.0):
    """Measure how much a number falls when a box of the image is covered.

    Args:
        f: function from an image (C, H, W) to one number, such as a probability.
        x: image, tensor of shape (C, H, W). It must stay as it is.
        size: rows and columns of the box (kh, kw).
        stride: steps (down, right).
        fill: the number that covers the box, in all channels.

    Returns:
        tensor of shape ((H - kh) // sh + 1, (W - kw) // sw + 1), of the dtype of x:
        f(x) minus f of the covered image, for each place of the box.

    Example:
        >>> x = torch.tensor([[[1., 2, 3, 4]]])
        >>> occlusion_map(lambda x: x.sum(), x, (1, 2), (1, 1))
        tensor([[3., 5., 7.]])
    """
    ### BEGIN SOLUTION
    (kh, kw), (sh, sw) = size, stride
    falls = x.new_zeros((x.shape[1] - kh) // sh + 1, (x.shape[2] - kw) // sw + 1)
    whole = f(x)
    for i in range(falls.shape[0]):
        for j in range(falls.shape[1]):
            covered = x.clone()
            covered[:, i * sh : i * sh + kh, j * sw : j * sw + kw] = fill
            falls[i, j] = whole - f(covered)
    return falls
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-occlusion_map", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.occlusion_map(occlusion_map)
### BEGIN HIDDEN TESTS
earned = check.occlusion_map(occlusion_map, seed=secret("occlusion_map"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# The photo of two halves, and a class for each half. (In the running notebook this cell takes a few seconds: the
# network looks at 26 covered photos.)

# %%
both = scenes.two_in_one()["half and half"]
labels = plot_evidence.class_of(found, "tiger cat", "espresso")
labels = labels or plot_evidence.best(found, both)
side = found.preprocess.crop
size, stride = side // 4, 3 * side // 16
fig = plot_evidence.occlusion(
    occlusion_map, found, both, labels, size=size, stride=stride
)
plot.show(fig, dpi=110)

# %% [markdown]
# ### By the weights of the last layer
#
# Covering needs many runs of the network. One is enough if the network ends as ResNet does (lab 2): last maps, the
# mean of each map, one linear layer. The logit of class $k$ is then a sum over maps **and places**:
#
# $$z_k = b_k + \sum_c w_{kc} \; \frac{1}{hw} \sum_{i,j} m_{c,i,j} = b_k + \frac{1}{hw} \sum_{i,j} \underbrace{\sum_c w_{kc}\, m_{c,i,j}}_{\text{CAM}_{k,i,j}}$$
#
# The inner sum says what each place gives to the class: the **class activation map** (Zhou 2016).
#
# ### Exercise 11. `cam` — ●○○ 6 minutes, 2 points
# <details><summary>Hint</summary>
#
# One row of the weights belongs to the class. Each of its numbers multiplies one map.
# </details>
# <details><summary>Second hint</summary>
#
# The numbers of that row need two more axes of length 1, so that they go with maps of shape `(C, h, w)`: indexing with
# `None` makes an axis. Which axis is gone in the result?
# </details>

# %% nbgrader={"grade": false, "grade_id": "cam", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cam(maps, weights, label):
    """Return the class activation map of one class.

    Args:
        maps: the last maps of one image, tensor of shape (C, h, w).
        weights: weights of the last linear layer, tensor of shape (K, C).
        label: number of the class, int.

    Returns:
        tensor of shape (h, w): sum over c of weights[label, c] * maps[c].
        Numbers may be negative.

    Example:
        >>> cam(torch.tensor([[[1., 2]], [[3, 0]]]), torch.tensor([[1., 1], [2, -1]]), 1)
        tensor([[-1.,  4.]])
    """
    ### BEGIN SOLUTION
    return (weights[label][:, None, None] * maps).sum(0)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-cam", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
earned = check.cam(cam)
### BEGIN HIDDEN TESTS
earned = check.cam(cam, seed=secret("cam"))
### END HIDDEN TESTS
2 * earned

# %% [markdown]
# ### By the gradient
#
# A CAM needs this very end of the network. **Grad-CAM** (Selvaraju 2017) works for any layer of any network: where
# CAM takes the weight $w_{kc}$, it takes the mean gradient of the logit for the map, and then only what speaks
# **for** the class:
#
# $$\alpha_c = \frac{1}{hw} \sum_{i,j} \frac{\partial z_k}{\partial m_{c,i,j}}, \qquad
# \text{Grad-CAM}_{k,i,j} = \max\Big(0, \sum_c \alpha_c\, m_{c,i,j}\Big)$$
#
# The network is handed in as two functions: `features` goes from the image to the maps of a layer, `head` from there
# to the logits.
#
# ### Exercise 12. `grad_cam` — ●●● 20 minutes, 5 points
# <details><summary>Hint</summary>
#
# The maps are the leaf here, not the image: take what `features` gives off the graph, and let it require a gradient.
# Then `torch.autograd.grad` can differentiate one number of what `head` makes of it. Which number?
# </details>
# <details><summary>Second hint</summary>
#
# Take the gradient of the **logit**, not of the probability. Each map is weighted with the mean of its own gradient:
# over which axes? The ReLU comes last, after the sum over the channels.
# </details>

# %% nbgrader={"grade": false, "grade_id": "grad_cam", "locked": false, "schema_version": 3, "solution": true, "task": false}
def grad_cam(features, head, x, label):
    """Return the Grad-CAM of one class for one image.

    Args:
        features: function from the image (1, 3, H, W) to maps (1, C, h, w).
        head: function from the maps to the logits (1, K).
        x: image, tensor of shape (1, 3, H, W). It must stay as it is.
        label: number of the class, int.

    Returns:
        tensor of shape (h, w), numbers >= 0.

    Example:
        >>> features = lambda x: x[:, :2] / 2
        >>> head = lambda maps: torch.tensor([[1., 0], [0, -2]]) @ maps.mean((2, 3))[0]
        >>> x = torch.tensor([[[[8., 4]], [[2, -6]], [[1, 1]]]])
        >>> grad_cam(features, lambda maps: head(maps)[None], x, 1)
        tensor([[0., 3.]])
    """
    ### BEGIN SOLUTION
    maps = features(x).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(head(maps)[0, label], maps)
    alpha = gradient.mean((2, 3), keepdim=True)
    return (alpha * maps.detach()).sum(1)[0].relu()
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-grad_cam", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
earned = check.grad_cam(grad_cam)
### BEGIN HIDDEN TESTS
earned = check.grad_cam(grad_cam, seed=secret("grad_cam"))
### END HIDDEN TESTS
5 * earned

# %% [markdown]
# Both kinds of map for both classes. The maps are coarse (7×7 in ResNet-50); the picture is smooth only because it is
# drawn so.

# %%
evidence = {}
for label in labels:
    name = found.classes[label]
    evidence[f"cam: {name}"] = plot_evidence.cam_of(cam, found, both, label)
    evidence[f"grad_cam: {name}"] = plot_evidence.grad_cam_of(grad_cam, found, both, label)
image = looking.image_of(found, both)
fig = plot_evidence.heat(evidence, image, what="Where the evidence for two classes lies")
plot.show(fig, dpi=110)
plot_evidence.same_map(cam, grad_cam, found, both, labels[0])

# %% [markdown]
# At the last stage both are the same map, up to the factor $1/(hw)$ and the ReLU: the gradient of $z_k$ for
# $m_{c,i,j}$ is $w_{kc}/(hw)$ everywhere. In an earlier stage only Grad-CAM works:

# %%
earlier = {}
for stage in ("layer4", "layer3", "layer2"):
    f = plot_evidence.grad_cam_of(grad_cam, found, both, labels[0], stage)
    earlier[f"grad_cam: {stage}"] = f
fig = plot_evidence.heat(earlier, image, what=f"Grad-CAM of {found.classes[labels[0]]} by stage")
plot.show(fig, dpi=110)

# %% [markdown]
# **The same thing in two libraries**
#
# | | PyTorch | TensorFlow/Keras |
# |---|---|---|
# | ResNet-50 with weights | `torchvision.models.resnet50(weights="IMAGENET1K_V1")` | `keras.applications.ResNet50(weights="imagenet")` |
# | its preprocessing | `ResNet50_Weights.IMAGENET1K_V1.transforms()` | `keras.applications.resnet50.preprocess_input` |
# | order of a map's axes | $(N, C, H, W)$ | $(N, H, W, C)$ |
# | a layer by name | `net.get_submodule("layer1.0.conv2")` | `net.get_layer("conv2_block1_2_conv")` |
# | what a layer gives | `register_forward_hook(f)`, `handle.remove()` | `keras.Model(net.input, layer.output)`: a new network |
# | weights of a first layer | `conv1.weight`: $(K, C, k_h, k_w)$ | `layer.kernel`: $(k_h, k_w, C, K)$ |
# | gradient for a map | `torch.autograd.grad(z, maps)` | `with tf.GradientTape() as tape: tape.watch(maps)`, `tape.gradient(z, maps)` |
# | names of the classes | `weights.meta["categories"]` | `decode_predictions(p, top=5)` |
# | switch dropout and batch norm to testing | `net.eval()` | `net(x, training=False)` |
# | montage of pictures | `torchvision.utils.make_grid` | none |

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-evidence-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 3. What does a heat map prove? — ●●○ 12 minutes, 4 points
#
# 1. For the cat, covering and CAM point at about the same places. Name one case where covering would **not** find
#    evidence that CAM shows, and one thing that covering with grey itself does to the photo.
# 2. Why does Grad-CAM look at the logit and not at the probability? Think of a photo with 99.99 % for the class.
# 3. At `layer2` the Grad-CAM is finer, and it is worse. Give a reason for both, with sections 4 and 6.
# 4. A network for "wolf or husky" is always right on your photos, and Grad-CAM of "wolf" lights up the snow. What
#    have you learned, and what would you do?
#
#
# ### BEGIN MARK SCHEME
#
# - **1 point** for (1): two places that each suffice alone (two eyes, two cups): covering one changes nothing (½);
#   grey boxes make edges and are unlike any photo of the training, so the network may react to the box itself (½).
# - **1 point** for (2): the softmax is flat there: the gradient of the probability is p(1 − p) times that of the
#   logit, nearly 0 (½); it also mixes in the other classes (½).
# - **1 point** for (3): finer: larger maps (28×28) (½); worse: small fields see edges and texture, not cats; the mean
#   gradient is a poor weight where the same channel means different things at different places (½).
# - **1 point** for (4): the background decides, not the animal (½); photos of both without snow in the training and
#   the test, or cut out the background (½).
#
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-evidence", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
#
# 1. If two cats are in the photo, covering one leaves the other, and the probability does not fall; CAM shows both. A
#    grey box is itself a thing with four edges that no training photo had.
# 2. At 99.99 % the softmax is saturated: p(1 − p) is nearly 0, so are all gradients, and what is left is noise. The
#    logit says how much the place adds, whatever the other classes do.
# 3. The maps are 28×28, so it is finer. But a number there sees about 100 pixels and means an edge or a texture,
#    which speaks for many classes; one weight for each channel, the same everywhere, does not fit.
# 4. The network has learned "snow". Right answers on my photos prove nothing for wolves on grass. I would test it on
#    such photos, and train it with wolves and huskies on many backgrounds.
#
# ### END SOLUTION

# %% [markdown]
# ## What you have learned
#
# - A hook shows what a layer gives. It has to be removed, and it has to copy.
# - A stretched map shows a pattern, not a strength. First-layer filters are pictures; zero is grey.
# - With depth, maps get smaller and more, and emptier in the end. A number sees $f$ pixels, and most of its influence comes from
#   the middle.
# - The softmax makes classes compete. A probability is not a promise.
# - Covering, CAM and Grad-CAM say where the evidence lies. For ResNet's last stage, Grad-CAM is the ReLU of CAM.
#
# ## Hand in
#
# 1. **Kernel > Restart Kernel and Run All Cells** (in Colab: **Runtime > Restart session and run all**), and read the
#    checks once more: nothing may depend on a cell that you have deleted.
# 2. **Save** the notebook (Ctrl+S, or Cmd+S): what is handed in is the saved file.
# 3. In the cell below, put in your student id and your name, and remove the `#` in front of the second line. Run the
#    cell. It writes a zip file with your notebook and a PDF of it next to the notebook; upload that file. Put the `#`
#    back if you go on working, so that "Run All" does not hand in each time.

# %%
import labkit
# labkit.handin(student="your id", name="your name")
