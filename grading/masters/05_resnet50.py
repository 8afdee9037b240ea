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
#     lab: 05_resnet50
#     minutes: 210
#     run_seconds: 180
#     title: What ResNet-50 sees in two photos
# ---

# %% [markdown]
# # Lab 5. What ResNet-50 sees in two photos
# <!-- labkit:badge -->
#
# Are two photos alike? Pixel by pixel, a cat and the same cat mirrored have little in common. A trained network turns
# each photo into a short row of numbers, its **features**, and there the two cats lie side by side. In this lab you
# build the block that ResNet-50 is made of, take features out of it, and measure what they know and what spoils them.
#
# The network is ResNet-50, trained on ImageNet. If its weights are not on your computer, the small network that comes
# with labkit stands in, and the notebook says so; every exercise works with either.
#
# After this lab you can
#
# - write a residual block that takes the published weights, and count what the network costs,
# - prepare photos in the way that belongs to the weights, and say what happens if you do not,
# - compare features by cosine similarity, search with them, and measure the margin between classes,
# - avoid the trap of batch norm in training mode,
# - ask a layer what it knows: by a linear probe, by principal components, and by centred kernel alignment
#   (CKA).
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

from labkit import check, comparing, looking, scenes
from labkit import explore_features, plot, plot_features, plot_margins, plot_probe

_ = torch.manual_seed(0)
print("ready: torch", torch.__version__)

# %% [markdown]
# ## 1. The block
#
# A deep chain of layers learns badly: the gradient has to pass through all of them (lab 3). A **residual** block
# therefore learns only what to **add** to its input:
#
# $$y = \operatorname{ReLU}\big(F(x) + S(x)\big)$$
#
# ResNet-50 has 16 **bottleneck** blocks. In each, $F$ is a 1×1 convolution down to `width` channels, a 3×3
# convolution, and a 1×1 convolution up to $4 \cdot$ `width`; each is followed by batch norm, and the first two by
# ReLU. The **shortcut** $S$ is the identity. Where the shapes differ (another number of channels, or a stride), it is
# a 1×1 convolution and a batch norm. The stride of a block sits in its 3×3 convolution and in the shortcut. No
# convolution has a bias.
#
# ### Exercise 1. `Bottleneck` — ●●● 25 minutes, 5 points
#
# The weights shall fit, so the parts need torchvision's names: `conv1`, `bn1`, `conv2`, `bn2`, `conv3`, `bn3`, and
# `downsample`, an `nn.Sequential` of convolution and batch norm (or `None`). The check loads weights **strictly**: every
# name and shape must match.
# <details><summary>Hint</summary>
#
# No convolution here has a bias, since a batch norm follows, which has one. Which padding lets a 3×3 convolution keep
# the size when its stride is 1? The block needs a downsample whenever its input, as it is, cannot be added to what
# comes out: in which two cases is that?
# </details>
# <details><summary>Second hint</summary>
#
# In `forward`, keep `x` for the shortcut. Each convolution is followed by its batch norm, the first two then by a ReLU.
# And the third? Look at the formula for the place of the addition and of the last ReLU. Use `torch.relu`, which makes a
# new tensor: an in-place ReLU on `x` would spoil the shortcut.
# </details>

# %% nbgrader={"grade": false, "grade_id": "bottleneck", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Bottleneck(torch.nn.Module):
    """The block of ResNet-50: (N, c_in, H, W) to (N, 4 * width, H', W'), H' = ceil(H / stride).

    Args:
        c_in: channels of the input.
        width: channels inside; 4 * width come out.
        stride: of the 3x3 convolution and of the shortcut, 1 or 2.
    """

    def __init__(self, c_in, width, stride=1):
        super().__init__()
        ### BEGIN SOLUTION
        c_out = 4 * width
        self.conv1 = torch.nn.Conv2d(c_in, width, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(width)
        self.conv2 = torch.nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(width)
        self.conv3 = torch.nn.Conv2d(width, c_out, 1, bias=False)
        self.bn3 = torch.nn.BatchNorm2d(c_out)
        self.downsample = None
        if stride != 1 or c_in != c_out:
            self.downsample = torch.nn.Sequential(
                torch.nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False),
                torch.nn.BatchNorm2d(c_out),
            )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        y = torch.relu(self.bn1(self.conv1(x)))
        y = torch.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return torch.relu(y + (x if self.downsample is None else self.downsample(x)))
        ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-bottleneck", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
earned = check.bottleneck(Bottleneck)
### BEGIN HIDDEN TESTS
earned = check.bottleneck(Bottleneck, seed=secret("bottleneck"))
### END HIDDEN TESTS
5 * earned

# %% [markdown]
# Here is the network. Your block gets the weights of three of its blocks, and has to give the same numbers. (The
# small network has other blocks; then random weights of ResNet-50's sizes are used.)

# %%
found = looking.network()
plot_probe.same_block(Bottleneck, found)

# %% [markdown]
# ## 2. What it costs
#
# Lab 1 counted convolutions: $k^2 C_\text{in} C_\text{out}$ weights, each used once at each place of the **output**.
# A batch norm has two numbers a channel that are learned, $\gamma$ and $\beta$ (its running mean and variance are
# measured, not learned). Multiply-adds of batch norms, ReLUs and additions are not counted here.
#
# ### Exercise 2. `block_cost` — ●●○ 15 minutes, 4 points
# <details><summary>Hint</summary>
#
# Three convolutions, or four with a downsample. Which of them work at the size of the input, and which at the size of the
# output? Only conv1 comes before the stride.
# </details>
# <details><summary>Second hint</summary>
#
# Make a table on paper, a line for each convolution: its weights, and the places at which all of them are used ($h
# \cdot w$ before the stride, $\frac{h}{s} \cdot \frac{w}{s}$ behind it). Batch norms have 2 numbers a channel: how many
# channels do the three have, and the one of a downsample?
# </details>

# %% nbgrader={"grade": false, "grade_id": "block_cost", "locked": false, "schema_version": 3, "solution": true, "task": false}
def block_cost(c_in, width, stride, size):
    """Count the learned numbers and the multiply-adds of a bottleneck block for one image.

    Args:
        c_in, width, stride: as in Bottleneck, ints.
        size: height and width of the input (h, w), even numbers.

    Returns:
        two ints: (parameters, multiply_adds); the convolutions have no biases, each batch norm
        has two parameters a channel and no multiply-adds.

    Example:
        >>> block_cost(256, 64, 1, (56, 56))
        (70400, 218365952)
    """
    ### BEGIN SOLUTION
    h, w = size
    out = (h // stride) * (w // stride)
    convs = [(c_in * width, h * w), (9 * width * width, out), (width * 4 * width, out)]
    norms = 2 * (width + width + 4 * width)
    if stride != 1 or c_in != 4 * width:
        convs.append((c_in * 4 * width, out))
        norms += 2 * 4 * width
    weights = sum(count for count, places in convs)
    return weights + norms, sum(count * places for count, places in convs)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-block_cost", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.block_cost(block_cost)
### BEGIN HIDDEN TESTS
earned = check.block_cost(block_cost, seed=secret("block_cost"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# Your counts, added up over the 16 blocks of the standard network (224×224 pixels, strides in the 3×3):

# %%
plot_probe.cost_table(block_cost)

# %% [markdown]
# 59 % of the parameters sit in the last stage, where the maps are small; the work is spread over all stages. This is
# what halving the size and doubling the channels does (lab 4).
#
# ## 3. Preparing a photo
#
# Weights belong to **one** way of preparing photos. For most ImageNet weights it is: resize the **shorter** side to
# 256, cut out the **middle** 224×224, and normalise each channel with ImageNet's mean and standard deviation:
#
# $$x_{c,i,j} = \frac{p_{c,i,j} - \mu_c}{\sigma_c}$$
#
# The numbers are stored with the weights (`weights.transforms()` in torchvision, `found.preprocess` here). Nobody
# warns you if you use others.
#
# ### Exercise 3. `prepare` — ●●○ 15 minutes, 4 points
# <details><summary>Hint</summary>
#
# `torch.nn.functional.interpolate` resizes a **batch**: give the photo one more axis. It is told `size`,
# `mode="bilinear"` and `antialias=True`. The shorter side becomes `resize`; by which number is the other side
# multiplied, so that the proportion stays? `round` makes a whole number of it.
# </details>
# <details><summary>Second hint</summary>
#
# How many rows are left over beside the crop? Half of them, rounded down, are above it; the columns likewise. `mean`
# and `std` have to become tensors of the photo's dtype; which shape lets three numbers go with `(3, H, W)`, one for
# each channel?
# </details>

# %% nbgrader={"grade": false, "grade_id": "prepare", "locked": false, "schema_version": 3, "solution": true, "task": false}
def prepare(photo, resize, crop, mean, std):
    """Turn a photo into the input of a network.

    Args:
        photo: tensor of shape (3, H, W), numbers from 0 to 1.
        resize: pixels of the shorter side after resizing (bilinear, with antialias).
        crop: side of the square that is cut out of the middle, at most resize; where an odd number of
            rows or columns is left over, there is one more below, or on the right.
        mean, std: three numbers each, for red, green and blue.

    Returns:
        tensor of shape (1, 3, crop, crop), of the same dtype as the photo.

    Example:
        >>> photo = torch.tensor([[[0., 1, 2, 3]], [[4, 5, 6, 7]], [[8, 8, 8, 8]]])
        >>> prepare(photo, 1, 1, (0.0, 1.0, 2.0), (1.0, 2.0, 3.0)).flatten()
        tensor([1., 2., 2.])
    """
    ### BEGIN SOLUTION
    scale = resize / min(photo.shape[1:])
    size = [round(side * scale) for side in photo.shape[1:]]
    photo = torch.nn.functional.interpolate(
        photo[None], size=size, mode="bilinear", antialias=True
    )
    top, left = (size[0] - crop) // 2, (size[1] - crop) // 2
    photo = photo[:, :, top : top + crop, left : left + crop]
    mean, std = (torch.tensor(v, dtype=photo.dtype)[:, None, None] for v in (mean, std))
    return (photo - mean) / std
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-prepare", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.prepare(prepare)
### BEGIN HIDDEN TESTS
earned = check.prepare(prepare, seed=secret("prepare"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# The photos of this lab: four subjects, each in seven variations. Photos of your own join them if you put them into
# `data/my_images` and name them by class: `grandma-1960.jpg`, `grandma-2020.jpg`, `dog-running.jpg`. (That is how
# **age** gets in.)

# %%
photos = comparing.gallery()
batch = comparing.batch_of(prepare, found, photos.photos)
print(len(photos.photos), "photos:", ", ".join(photos.classes), "->", tuple(batch.shape))

# %% [markdown]
# ## 4. Features by stage
#
# The maps of a stage still say **where** things are. For comparing photos we want to know **what** is in them, so
# take the mean of each map (lab 2): a stage with $C$ maps gives $C$ features a photo. ResNet-50 gives 64, 256, 512,
# 1024 and, at the end, 2048 of them.
#
# ### Exercise 4. `embed` — ●○○ 8 minutes, 3 points
#
# The network is handed in as a list of functions, one a stage, to be applied one after another.
# <details><summary>Hint</summary>
#
# Each stage gets what the stage before it gave: the **maps**, not their means.
# </details>
# <details><summary>Second hint</summary>
#
# Two things happen with what a stage gives: the next stage gets it, and the list gets its mean over the last two axes.
# </details>

# %% nbgrader={"grade": false, "grade_id": "embed", "locked": false, "schema_version": 3, "solution": true, "task": false}
def embed(stages, x):
    """Return the features of each stage.

    Args:
        stages: list of functions from (N, C, H, W) to (N, C', H', W'), applied one after another.
        x: input, tensor of shape (N, C, H, W). It must stay as it is.

    Returns:
        list with a tensor of shape (N, C') for each stage: the mean of each of its maps.

    Example:
        >>> double, half = (lambda x: 2 * x), (lambda x: x[:, :1] / 2)
        >>> embed([double, half], torch.tensor([[[[1., 3]], [[5, 5]]]]))
        [tensor([[ 4., 10.]]), tensor([[2.]])]
    """
    ### BEGIN SOLUTION
    features = []
    for stage in stages:
        x = stage(x)
        features.append(x.mean((2, 3)))
    return features
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-embed", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.embed(embed)
### BEGIN HIDDEN TESTS
earned = check.embed(embed, seed=secret("embed"))
### END HIDDEN TESTS
3 * earned

# %%
features = comparing.features(embed, found.net, batch)
for name, rows in features.items():
    print(f"{name:<8}{rows.shape[1]:>6} features a photo")

# %% [markdown]
# ### The trap of batch norm
#
# Batch norm (lab 3) works in two ways. In **training** mode it uses mean and variance of the **present batch**: what
# comes out for your photo depends on the photos that happen to be next to it. And each run **changes** the running
# statistics. In **eval** mode it uses the stored ones. A network that you have built or just trained is in training
# mode. Forgetting `net.eval()` raises no error.
#
# ### Exercise 5. `features_of` — ●●○ 15 minutes, 3 points
#
# Run a network in eval mode, without a graph for gradients, and leave **every part** in the mode it had: some parts may be frozen
# (eval) while the rest trains. `moody_net` is given, to try it on; leave it as it is.
# <details><summary>Hint</summary>
#
# Each part of a network has an attribute `training`, true or false, and `net.modules()` goes through all parts, the
# network itself among them. Note every part's mode before you change any.
# </details>
# <details><summary>Second hint</summary>
#
# Which statement of Python does its work also when the network stops with an error? Set the attribute of each part: its
# method `train` would set all parts inside it, too.
# </details>

# %% nbgrader={"grade": false, "grade_id": "features_of", "locked": false, "schema_version": 3, "solution": true, "task": false}
def moody_net():
    """Given: a small network with dropout and two batch norms, one of them inside a block."""
    block = torch.nn.Sequential()
    block.conv = torch.nn.Conv2d(4, 5, 3, stride=2)
    block.bn = torch.nn.BatchNorm2d(5)
    net = torch.nn.Sequential()
    net.conv1 = torch.nn.Conv2d(3, 4, 3)
    net.bn1 = torch.nn.BatchNorm2d(4)
    net.relu = torch.nn.ReLU()
    net.block = block
    net.pool = torch.nn.AdaptiveAvgPool2d(1)
    net.flatten = torch.nn.Flatten()
    net.drop = torch.nn.Dropout(0.5)
    return net


def features_of(net, x):
    """Return what a network gives in eval mode, and leave it as it was.

    Args:
        net: a torch.nn.Module; its parts may be in different modes.
        x: input, tensor of shape (N, C, H, W).

    Returns:
        the network's output in eval mode, without gradients. Each part's mode and the running
        statistics are as before, also when the network stops with an error, which is passed on.

    Example:
        >>> net = moody_net()
        >>> net.block.bn.training = False
        >>> tuple(features_of(net, torch.zeros(2, 3, 7, 9)).shape)
        (2, 5)
        >>> net.training, net.bn1.training, net.block.training, net.block.bn.training
        (True, True, True, False)
    """
    ### BEGIN SOLUTION
    modes = [(part, part.training) for part in net.modules()]
    net.eval()
    try:
        with torch.no_grad():
            return net(x)
    finally:
        for part, mode in modes:
            part.training = mode
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-features_of", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.features_of(features_of, moody_net)
### BEGIN HIDDEN TESTS
earned = check.features_of(features_of, moody_net, seed=secret("features_of"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# The cat in a batch with two other photos: how similar are its features to those that it has alone? 1 is equal.

# %%
cat, cup = scenes.subject("chelsea"), scenes.subject("coffee")
company = {"two mirrored cats": cat.flip(2), "two cups of coffee": cup}
company["two rockets"] = scenes.subject("rocket")
plot_margins.company(features_of, found, cat, company)

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-traps-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 1. Silent mistakes — ●●○ 12 minutes, 4 points
#
# 1. In training mode the features of the cat change with its company. Explain which numbers of the batch norms cause
#    it, and why a batch of **one** photo does not help.
# 2. Somebody evaluates in training mode with batches of 100 photos, sorted by class, and gets far worse results than
#    with shuffled photos. Why?
# 3. Your block `Bottleneck` would still load the weights if the final ReLU were missing, and the network would still
#    give 1000 numbers. Name two checks that would have found the mistake.
#
#
# ### BEGIN MARK SCHEME
#
# - **2 points** for (1): mean and variance are those of the batch, so the others' pixels enter (1); with one photo
#   the statistics are those of the photo itself, not those of the training set that the weights were learned with
#   (½), each channel's mean over the photo is removed, so what distinguishes it is lost (½).
# - **1 point** for (2): a batch of one class has the statistics of this class (½), batch norm subtracts just what the
#   class has in common, and so the difference between classes (½).
# - **1 point** for (3): comparing with the library's block on the same input and weights; accuracy on photos with
#   known answers; looking at the sign of the maps (½ each, two needed).
#
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-traps", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
#
# 1. Batch norm subtracts the mean of the batch and divides by its deviation, channel by channel. Two cups in the
#    batch move both, so the cat's numbers move as well. With one photo the mean is the photo's own: its features lose
#    what they have in common over all places, and the weights were learned for other statistics.
# 2. If all 100 photos are dogs, the mean that is subtracted is the mean of dogs. What makes a dog a dog is then gone.
#    Shuffled batches have a mean close to that of the whole set.
# 3. Compare the output with torchvision's block for the same weights and a random input. And look at photos with a
#    known answer: the top 5 would be nonsense.
#
# ### END SOLUTION

# %% [markdown]
# ## 5. How alike are two photos?
#
# Features are rows of numbers, all $\ge 0$ behind a ReLU. Their **direction** says what is in the photo, their length
# how strongly. So compare directions:
#
# $$\cos(a, b) = \frac{\sum_d a_d b_d}{\sqrt{\sum_d a_d^2}\,\sqrt{\sum_d b_d^2}}$$
#
# 1 is the same direction, 0 is nothing in common.
#
# ### Exercise 6. `cosine_matrix` — ●○○ 8 minutes, 3 points
# <details><summary>Hint</summary>
#
# Divide each row by its length first; then one matrix product gives all pairs. Which of the two has to be transposed
# for it?
# </details>
# <details><summary>Second hint</summary>
#
# `norm` takes an axis; with `keepdim=True` it stays, with length 1. A row of zeros has the length 0: divide it by 1
# instead, and its similarities are 0.
# </details>

# %% nbgrader={"grade": false, "grade_id": "cosine_matrix", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cosine_matrix(a, b):
    """Return the cosine similarity of each row of a with each row of b.

    Args:
        a, b: tensors of shape (N, D) and (M, D). They must stay as they are.

    Returns:
        tensor of shape (N, M), of the same dtype. The similarity of a row of zeros is 0.

    Example:
        >>> cosine_matrix(torch.tensor([[3., 4], [0, 0]]), torch.tensor([[5., 0], [-6, -8]]))
        tensor([[ 0.6000, -1.0000],
                [ 0.0000,  0.0000]])
    """
    ### BEGIN SOLUTION
    lengths = [rows.norm(dim=1, keepdim=True) for rows in (a, b)]
    lengths = [torch.where(length > 0, length, torch.ones_like(length)) for length in lengths]
    return (a / lengths[0]) @ (b / lengths[1]).T
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-cosine_matrix", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.cosine_matrix(cosine_matrix)
### BEGIN HIDDEN TESTS
earned = check.cosine_matrix(cosine_matrix, seed=secret("cosine_matrix"))
### END HIDDEN TESTS
3 * earned

# %%
fig = plot_features.matrix(cosine_matrix, photos, features["layer4"], title="last stage")
plot.show(fig, dpi=110)

# %% [markdown]
# The dashed squares hold the pairs of one class. Brightest within a class are the photos as they are, mirrored, and
# covered by a third; with ResNet-50, each cluttered photo is nearest to a cluttered one of **another** class.
#
# ### Exercise 7. `neighbours` — ●●○ 10 minutes, 3 points
#
# Search by photo: for each row of a similarity matrix, find the **other** photos that are most similar.
# <details><summary>Hint</summary>
#
# Every photo is most similar to itself. Copy the matrix and put minus infinity on its diagonal; then nobody chooses himself.
# </details>
# <details><summary>Second hint</summary>
#
# Tensors have a method that fills their diagonal; its name ends in `_`, so it changes the tensor itself. `topk` takes
# an axis and gives values and places. (Leaving out the best one of each row would do for cosines, but not for every
# similarity.)
# </details>

# %% nbgrader={"grade": false, "grade_id": "neighbours", "locked": false, "schema_version": 3, "solution": true, "task": false}
def neighbours(similarity, k):
    """Return the k most similar other images of each image.

    Args:
        similarity: tensor of shape (N, N); row i holds the similarities of image i to all images.
            It must stay as it is, and need not be symmetric.
        k: int from 1 to N - 1.

    Returns:
        tensor of ints of shape (N, k): places of the most similar images, the best first, never i itself.

    Example:
        >>> neighbours(torch.tensor([[1., 0.2, 0.7], [0.2, 1, 0.9], [0.7, 0.9, 1]]), 1)
        tensor([[2],
                [2],
                [1]])
    """
    ### BEGIN SOLUTION
    others = similarity.clone().fill_diagonal_(float("-inf"))
    return others.topk(k, dim=1).indices
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-neighbours", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.neighbours(neighbours)
### BEGIN HIDDEN TESTS
earned = check.neighbours(neighbours, seed=secret("neighbours"))
### END HIDDEN TESTS
3 * earned

# %% [markdown]
# Choose a photo from the list (in a running notebook), or read the strip. A cross marks a photo of another class.

# %%
explore_features.search(neighbours, photos, features["layer4"], [0, 12, 14, 27])

# %% [markdown]
# ### Within and across
#
# One number for a whole matrix: the mean similarity of pairs **within** a class, and **across** classes. Their
# difference is the **margin**. An image paired with itself says nothing and does not count.
#
# ### Exercise 8. `margin` — ●●○ 10 minutes, 3 points
# <details><summary>Hint</summary>
#
# Compare the labels, as a column, with the labels, as a row: that is a matrix which is true where two images have the
# same class. Indexing with `None` makes a column of them.
# </details>
# <details><summary>Second hint</summary>
#
# An image is no pair with itself: take the diagonal out. `torch.eye` can be true and false as well
# (`dtype=torch.bool`); between such matrices `&` means "and", and `~` before one "not". Indexed with such a matrix, the
# similarities at its true places remain.
# </details>

# %% nbgrader={"grade": false, "grade_id": "margin", "locked": false, "schema_version": 3, "solution": true, "task": false}
def margin(similarity, labels):
    """Return the mean similarity within classes and across classes.

    Args:
        similarity: tensor of shape (N, N), symmetric.
        labels: class of each image, tensor of ints of shape (N,).

    Returns:
        two numbers (same, other): the mean over all pairs of different images with the same label,
        and the mean over all pairs with different labels.

    Example:
        >>> s = torch.tensor([[1., 0.5, 0.25], [0.5, 1, 0.75], [0.25, 0.75, 1]])
        >>> margin(s, torch.tensor([4, 4, 9]))
        (0.5, 0.5)
    """
    ### BEGIN SOLUTION
    same = labels[:, None] == labels[None, :]
    pairs = same & ~torch.eye(len(labels), dtype=torch.bool)
    return float(similarity[pairs].mean()), float(similarity[~same].mean())
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-margin", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.margin(margin)
### BEGIN HIDDEN TESTS
earned = check.margin(margin, seed=secret("margin"))
### END HIDDEN TESTS
3 * earned

# %%
plot.show(plot_margins.bars(margin, photos, features, what="by stage"))

# %% [markdown]
# The first stages find nearly everything alike: every photo has edges and colours. Towards the last one the margin
# widens.
#
# **What spoils it?** First the preparation. The same network, the same photos, and mistakes that stop nothing:

# %%
some = photos.where(lambda change: change in comparing.CHANGES[2:4])
part, ways = plot_margins.ablation(found, photos, some)
plot.show(plot_margins.bars(margin, part, ways, what="by preparation"))

# %% [markdown]
# Then covering: how long does a photo stay nearest to itself?

# %%
subjects = {"cat": cat, "coffee": cup}
plot.show(plot_margins.occlusion(cosine_matrix, found, subjects))

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-margin-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 2. Read the margins — ●●○ 12 minutes, 4 points
#
# 1. Across classes the similarity is far above 0, in each stage. Why can it not be below 0 here, and what would you
#    subtract from the features to make use of the whole range from −1 to 1?
# 2. Which mistake of the preparation costs the most margin, which hardly any? Explain one of them by what the first
#    layer computes.
# 3. A colleague reports "similarity 0.8 for two photos of the same person, so it is the same person". What is
#    missing?
#
#
# ### BEGIN MARK SCHEME
#
# - **1 point** for (1): features behind a ReLU and a mean are not negative, so no product is (½); subtract the mean
#   feature over the photos (centre) (½).
# - **2 points** for (2): both read off the figure of their own run (½ each); a reason: without normalising, or with 0
#   to 255, the first layer's sums are shifted or scaled, and the batch norms' stored statistics do not fit any more;
#   swapped colours only change the filters that look at colour; edges stay (1).
# - **1 point** for (3): the distribution across different persons (is 0.8 rare there?), many pairs of both kinds, a
#   threshold chosen on other data (any two, ½ each).
#
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-margin", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
#
# 1. All features are means of numbers that are at least 0, so every product is at least 0. Subtract the mean over
#    many photos: then what all photos have in common is gone, and the rest has both signs.
# 2. In my run "numbers from 0 to 255" costs most and "red and blue swapped" costs little. The first convolution is
#    linear: inputs 255 times as large give sums 255 times as large, while the batch norm behind it divides by the
#    deviation it has stored. Swapped colours reach only the filters for colours; most filters look for edges in all
#    three channels alike.
# 3. What two photos of **different** people get. Without the similarities across persons, from many pairs, 0.8 says
#    nothing.
#
# ### END SOLUTION

# %% [markdown]
# ## 6. What does a layer know? The linear probe
#
# Two stages may hold the same knowledge in forms that are more or less easy to read. A **probe** asks: can a
# **linear** layer read the class off the features? Fit it by least squares with a penalty. With a column of ones for
# the biases, $\tilde X = [X\; 1]$, and one column of targets a class (1 for this class, 0 for the others), $Y$:
#
# $$\|\tilde X W - Y\|^2 + \lambda \, \|W'\|^2 \;\to\; \min \qquad\Rightarrow\qquad (\tilde X^\top \tilde X + \lambda J)\, W = \tilde X^\top Y$$
#
# $W'$ is $W$ without its last row, the biases, which are free. So $J$ is the identity with a 0 in the last place.
#
# ### Exercise 9. `probe` — ●●● 20 minutes, 4 points
# <details><summary>Hint</summary>
#
# `torch.nn.functional.one_hot` makes the targets (ints: change the dtype). A bias is the weight of one more feature,
# which is the same for all images: which number is it? `torch.cat` puts its column behind the others.
# </details>
# <details><summary>Second hint</summary>
#
# `torch.linalg.solve` solves $A W = B$ without an inverse; what are $A$ and $B$ in the equation above? $\lambda J$ is a
# diagonal: begin with `torch.eye`, in the dtype of the features. Which of its numbers stands for the biases?
# </details>

# %% nbgrader={"grade": false, "grade_id": "probe", "locked": false, "schema_version": 3, "solution": true, "task": false}
def probe(features, labels, classes, l2):
    """Fit a linear classifier by least squares with a penalty on the weights.

    Args:
        features: tensor of shape (N, D), floats.
        labels: class of each image, tensor of ints of shape (N,).
        classes: number of classes K, int.
        l2: the penalty, a number above 0; the biases are free of it.

    Returns:
        tensor of shape (D + 1, K), of the dtype of the features: weights, and in the last row the biases.

    Example:
        >>> probe(torch.tensor([[0.], [1], [2], [3]]), torch.tensor([0, 0, 1, 1]), 2, 5.0)
        tensor([[-0.2000,  0.2000],
                [ 0.8000,  0.2000]])
    """
    ### BEGIN SOLUTION
    ones = features.new_ones(len(features), 1)
    x = torch.cat([features, ones], 1)
    y = torch.nn.functional.one_hot(labels, classes).to(features.dtype)
    penalty = l2 * torch.eye(x.shape[1], dtype=features.dtype)
    penalty[-1, -1] = 0
    return torch.linalg.solve(x.T @ x + penalty, x.T @ y)
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-probe", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.probe(probe)
### BEGIN HIDDEN TESTS
earned = check.probe(probe, seed=secret("probe"))
### END HIDDEN TESTS
4 * earned

# %% [markdown]
# The probe is fitted to each subject as it is, mirrored, turned and covered by a third; then it sees the dark, the
# far and the cluttered ones.

# %%
easy = photos.where(lambda change: change in comparing.CHANGES[:4])
plot.show(plot_probe.probes(probe, photos, features, easy))

# %% [markdown]
# ## 7. A picture of 2048 numbers
#
# Nobody can look at 2048 axes. **Principal components** (PCA) find the few directions in which the photos differ
# most. Centre the features, $X_c = X - \bar x$, and take the singular values:
#
# $$X_c = U \Sigma V^\top, \qquad \text{scores} = U_k \Sigma_k = X_c V_k, \qquad \text{share}_i = \frac{\sigma_i^2}{\sum_j \sigma_j^2}$$
#
# The sign of a component is arbitrary: computers do not agree on it. So we settle it: in each component, the score
# with the **largest absolute value** shall be positive.
#
# ### Exercise 10. `pca` — ●●● 20 minutes, 4 points
# <details><summary>Hint</summary>
#
# `torch.linalg.svd` with `full_matrices=False` gives $U$, $S$ (as a vector) and $V^\top$ of the centred features. The
# text above says which two of them make the scores. The shares come from **all** singular values, squared.
# </details>
# <details><summary>Second hint</summary>
#
# The sign: for each component, find the row with the largest absolute score (`argmax` takes an axis). Which sign has
# the score there, and what has to happen to all scores of the component if it is negative?
# </details>

# %% nbgrader={"grade": false, "grade_id": "pca", "locked": false, "schema_version": 3, "solution": true, "task": false}
def pca(x, k):
    """Return the first k principal components of the rows of x.

    Args:
        x: tensor of shape (N, D). It must stay as it is.
        k: int, at most the smaller of N - 1 and D.

    Returns:
        (scores, shares): tensor of shape (N, k), where the score of largest absolute value in each
        column is positive; and tensor of shape (k,), the share of the variance of each component.

    Example:
        >>> scores, shares = pca(torch.tensor([[1., 5], [3, 5], [8, 5]]), 1)
        >>> [round(v, 3) for v in scores.flatten().tolist()], round(float(shares[0]), 3)
        ([-3.0, -1.0, 4.0], 1.0)
    """
    ### BEGIN SOLUTION
    centred = x - x.mean(0)
    u, s, _ = torch.linalg.svd(centred, full_matrices=False)
    scores = u[:, :k] * s[:k]
    place = scores.abs().argmax(0)
    scores = scores * scores[place, range(k)].sign()
    return scores, (s**2 / (s**2).sum())[:k]
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-pca", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
earned = check.pca(pca)
### BEGIN HIDDEN TESTS
earned = check.pca(pca, seed=secret("pca"))
### END HIDDEN TESTS
4 * earned

# %%
chosen = {name: features[name].double() for name in ("relu", "layer2", "layer4")}
plot.show(plot_features.scatter(pca, photos, chosen))
plot.show(plot_features.faces(pca, photos, chosen["layer4"]), dpi=110)

# %% [markdown]
# ## 8. Do two layers say the same?
#
# Features of two stages cannot be compared number by number: one has 256, the other 2048, in no common order. But
# both say which photos are alike. **Centred kernel alignment** (CKA) compares that: the inner products of all pairs
# of photos in one stage, and in the other. With centred features $X$ and $Y$ (each column minus its mean):
#
# $$\text{CKA}(X, Y) = \frac{\| X^\top Y \|_F^2}{\| X^\top X \|_F \; \| Y^\top Y \|_F}$$
#
# $\|\cdot\|_F$ is the root of the sum of all squares. CKA is 1 if the features are the same up to a rotation and a
# scale, and near 0 if they have nothing to do with each other. (With few photos and many features it is never 0.)
#
# ### Exercise 11. `linear_cka` — ●●○ 10 minutes, 3 points
# <details><summary>Hint</summary>
#
# Centre both first: each feature over the photos, not each photo over its features.
# </details>
# <details><summary>Second hint</summary>
#
# `torch.linalg.matrix_norm` is the Frobenius norm. It is squared above the line and not below. A number is wanted in
# the end, not a tensor: `float` makes one.
# </details>

# %% nbgrader={"grade": false, "grade_id": "linear_cka", "locked": false, "schema_version": 3, "solution": true, "task": false}
def linear_cka(x, y):
    """Return the linear CKA of two sets of features of the same photos.

    Args:
        x, y: tensors of shape (N, D) and (N, E). They must stay as they are.

    Returns:
        a number from 0 to 1.

    Example:
        >>> x = torch.tensor([[1., 0], [0, 1], [0, 0], [1, 1]])
        >>> round(linear_cka(x, 3 * x.flip(1) + 1), 4), round(linear_cka(x, x[:, :1]), 4)
        (1.0, 0.7071)
    """
    ### BEGIN SOLUTION
    x, y = x - x.mean(0), y - y.mean(0)
    return float((x.T @ y).norm() ** 2 / ((x.T @ x).norm() * (y.T @ y).norm()))
    ### END SOLUTION

# %% nbgrader={"grade": true, "grade_id": "test-linear_cka", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
earned = check.linear_cka(linear_cka)
### BEGIN HIDDEN TESTS
earned = check.linear_cka(linear_cka, seed=secret("linear_cka"))
### END HIDDEN TESTS
3 * earned

# %%
plot.show(plot_features.agreement(linear_cka, features))

# %% [markdown]
# Each stage agrees most with one next to it: it adds a little to what it gets. That is what residual blocks are made
# for.
#
# **The same thing in two libraries**
#
# | | PyTorch | TensorFlow/Keras |
# |---|---|---|
# | ResNet-50 with weights | `torchvision.models.resnet50(weights="IMAGENET1K_V2")` | `keras.applications.ResNet50(weights="imagenet")` |
# | its preprocessing | `weights.transforms()`: RGB, 0 to 1, mean and deviation | `resnet50.preprocess_input`: BGR, 0 to 255, mean only |
# | stride of a stage | in the 3×3 (v1.5) | in the first 1×1 (v1) |
# | without the last layer | `net.fc = nn.Identity()` | `ResNet50(include_top=False, pooling="avg")` |
# | load weights | `load_state_dict(state)`: strict; `strict=False` skips silently | `load_weights(path)`: by order; `by_name=True` skips silently |
# | testing mode | `net.eval()`, and back `net.train()` | `net(x, training=False)` |
# | freeze batch norm | `bn.eval()`; its weights by `requires_grad_(False)` | `bn.trainable = False` does both |
# | no gradients | `with torch.inference_mode():` | none unless in a `GradientTape` |
# | cosine similarity | `F.cosine_similarity(a, b, dim=1)` | `keras.losses.CosineSimilarity` is its **negative** |
# | ε of batch norm | `eps=1e-5` | `epsilon=1e-3` |
# | parameters, counted | `sum(p.numel() for p in net.parameters())` | `net.count_params()`: with the running statistics |

# %% [markdown] nbgrader={"grade": false, "grade_id": "q-ask-text", "locked": true, "schema_version": 3, "solution": false, "task": false}
# ### Question 3. Which tool for which question? — ●●○ 12 minutes, 4 points
#
# 1. A probe on stage 2 reads the class off with 60 %, on stage 4 with 95 %. Does stage 2 **know** less? Stage 4 is
#    computed from stage 2; give an answer that uses the word "linear".
# 2. PCA shows the four classes of your photos as one cloud. A friend concludes: "The features cannot tell the classes
#    apart." Why is that wrong? Which tool of this lab decides it?
# 3. CKA of two networks, trained from different random weights, is 0.9 in the first stages and 0.4 in the last ones.
#    And a cosine of their features, number by number, is near 0 everywhere. Explain both.
#
#
# ### BEGIN MARK SCHEME
#
# - **1 point** for (1): no: everything that stage 4 knows was in stage 2's maps (apart from what the means threw
#   away) (½); stage 4 has it in a form that a linear layer can read (½).
# - **2 points** for (2): PCA shows the directions of largest spread, which need not be those that separate classes
#   (1); a probe (or the margin, or neighbours) decides (1).
# - **1 point** for (3): the order of the channels is arbitrary, so numbers at the same place mean different things,
#   and the cosine is meaningless; CKA does not depend on order or rotation (½); early stages learn the same edges and
#   colours, late ones go different ways (½).
#
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "q-ask", "locked": false, "points": 4, "schema_version": 3, "solution": true, "task": false}
# ### BEGIN SOLUTION
#
# 1. Stage 4 is computed from the maps of stage 2, so it cannot know more. It has what matters for classes in a form
#    that a linear layer can read; in stage 2 one would need more layers. (The means over places also cost stage 2
#    more.)
# 2. The two directions of largest spread may be brightness and scale. The classes can differ clearly along a
#    direction with little spread. A linear probe on photos it has not seen tells.
# 3. Channel 17 of one network has nothing to do with channel 17 of the other, so a cosine compares unlike things. CKA
#    compares which photos are alike and needs no common order. The first stages of both have learned edges and
#    colours; the last ones are less bound.
#
# ### END SOLUTION

# %% [markdown]
# ## What you have learned
#
# - A residual block adds to its input. Names and shapes decide whether weights fit; only numbers show whether it is
#   right.
# - Weights belong to a preprocessing, and batch norm to a mode. Getting either wrong raises no error.
# - Features of the last stage: near for one class, far across classes. The margin says how far.
# - A probe asks what can be read linearly; PCA shows the largest spread, not the classes; CKA compares stages,
#   whatever the order of their channels.
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
