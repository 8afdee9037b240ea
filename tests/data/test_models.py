import io
import json

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.resnet import Bottleneck, ResNet

from labkit import images, keras_weights, models, nets
from labkit.fetch import FetchError
from labkit.pretrained import Preprocess

BLOCKS = (2, 1, 1, 1)


class Fake:
    """A tiny ResNet of Keras' layout, as TensorFlow.js files; `forward` is computed the way Keras does."""

    def __init__(self, classes: int = 1000):
        self.rng, self.weights = np.random.default_rng(0), {}
        self.add("conv1", "bn_conv1", (7, 7, 3, 64))
        before = 64
        for stage, count in enumerate(BLOCKS, 1):
            width = 64 * 2 ** (stage - 1)
            for block in range(count):
                name = f"{stage + 1}{'ab'[block]}_branch"
                for part, shape in (
                    ("2a", (1, 1, before, width)),
                    ("2b", (3, 3, width, width)),
                    ("2c", (1, 1, width, 4 * width)),
                ):
                    self.add(f"res{name}{part}", f"bn{name}{part}", shape)
                if block == 0:
                    self.add(f"res{name}1", f"bn{name}1", (1, 1, before, 4 * width))
                before = 4 * width
        self.weights["fc1000/kernel"] = self.draw((before, classes)) / 50
        self.weights["fc1000/bias"] = self.draw((classes,))

    def draw(self, shape):
        return self.rng.normal(size=shape).astype(np.float32)

    def add(self, conv, norm, shape):
        fan = shape[0] * shape[1] * shape[2]
        scale = 60 if conv == "conv1" else 1  # the input goes to 255
        self.weights[f"{conv}/kernel"] = self.draw(shape) / np.float32(np.sqrt(fan) * scale)
        self.weights[f"{conv}/bias"] = self.draw((shape[3],)) / 5
        self.weights[f"{norm}/gamma"] = 1 + self.draw((shape[3],)) / 5
        self.weights[f"{norm}/beta"] = self.draw((shape[3],)) / 5
        self.weights[f"{norm}/moving_mean"] = self.draw((shape[3],)) / 5
        # Small variances, where the difference of the two epsilons shows.
        self.weights[f"{norm}/moving_variance"] = 0.01 + np.abs(self.draw((shape[3],))) / 5

    def files(self):
        entries = [{"name": n, "shape": list(w.shape), "dtype": "float32"} for n, w in self.weights.items()]
        data = b"".join(w.tobytes() for w in self.weights.values())
        half = len(data) // 2 + 3  # a shard ends inside a number
        manifest = [{"paths": ["shard1", "shard2"], "weights": entries}]
        return {
            "model.json": json.dumps({"weightsManifest": manifest}).encode(),
            "shard1": data[:half],
            "shard2": data[half:],
        }

    def conv(self, x, conv, norm, stride=1, padding=0):
        w = {k: torch.from_numpy(v).double() for k, v in self.weights.items()}
        x = nn.functional.conv2d(
            x, w[f"{conv}/kernel"].permute(3, 2, 0, 1), w[f"{conv}/bias"], stride, padding
        )
        parts = ("moving_mean", "moving_variance", "gamma", "beta")
        return nn.functional.batch_norm(x, *(w[f"{norm}/{part}"] for part in parts), eps=1e-3)

    def forward(self, pixels):
        x = 255 * pixels.double() - torch.tensor(keras_weights.MEAN).double()[:, None, None]
        x = self.conv(x.flip(1), "conv1", "bn_conv1", 2, 3).relu()
        x = nn.functional.max_pool2d(nn.functional.pad(x, (1, 1, 1, 1)), 3, 2)
        for stage, count in enumerate(BLOCKS, 1):
            for block in range(count):
                name, stride = f"{stage + 1}{'ab'[block]}_branch", 2 if stage > 1 and block == 0 else 1
                y = self.conv(x, f"res{name}2a", f"bn{name}2a", stride).relu()
                y = self.conv(y, f"res{name}2b", f"bn{name}2b", 1, 1).relu()
                y = self.conv(y, f"res{name}2c", f"bn{name}2c")
                x = (y + (self.conv(x, f"res{name}1", f"bn{name}1", stride) if block == 0 else x)).relu()
        kernel, bias = (torch.from_numpy(self.weights[f"fc1000/{p}"]).double() for p in ("kernel", "bias"))
        return x.mean((2, 3)) @ kernel + bias


@pytest.fixture(scope="module")
def fake():
    return Fake(classes=7)


def test_the_converted_network_is_the_same_function(fake):
    files = fake.files()
    state = keras_weights.read(lambda name: io.BytesIO(files[name]), blocks=BLOCKS)
    net = models.v1_strides(ResNet(Bottleneck, list(BLOCKS), num_classes=7)).eval().double()
    net.load_state_dict({name: torch.from_numpy(array) for name, array in state.items()}, strict=True)
    own = Preprocess(256, 64, tuple(m / 255 for m in keras_weights.MEAN), keras_weights.STD)
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        got, wanted = net(own.normalise(pixels.double())), fake.forward(pixels)
        assert wanted.std() > 0.1
        assert torch.allclose(got, wanted, rtol=1e-4, atol=1e-4)
        # Each part of the conversion matters: without it the answer is another one.
        for stage in (net.layer2, net.layer3, net.layer4):
            stage[0].conv1.stride, stage[0].conv2.stride = (1, 1), (2, 2)
        assert (net(own.normalise(pixels.double())) - wanted).abs().max() > 0.01


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (lambda f: f.update(shard2=f["shard2"][:-4]), "the shards end inside fc1000/bias"),
        (lambda f: f.update(shard2=f["shard2"] + b"1234"), "the shards hold"),
        (
            lambda f: f.update({"model.json": f["model.json"].replace(b"bn_conv1/beta", b"x")}),
            "no layer bn_c",
        ),
        (
            lambda f: f.update({"model.json": f["model.json"].replace(b"float32", b"uint8")}),
            "not plain float",
        ),
    ],
)
def test_files_that_do_not_fit(fake, harm, told):
    files = fake.files()
    harm(files)
    with pytest.raises(keras_weights.LayoutError, match=told):
        keras_weights.read(lambda name: io.BytesIO(files[name]), blocks=BLOCKS)


def test_a_layer_too_many(fake):
    files = fake.files()
    with pytest.raises(keras_weights.LayoutError, match="ResNet-50 has not"):
        keras_weights.read(lambda name: io.BytesIO(files[name]), blocks=(1, 1, 1, 1))


def test_preprocess_agrees_with_torchvision():
    from torchvision.models import ResNet50_Weights

    photo = images.photo("coffee")
    theirs = ResNet50_Weights.IMAGENET1K_V1.transforms()(photo)
    ours = models._imagenet("IMAGENET1K_V1")(photo)
    assert ours.shape == (1, 3, 224, 224)
    assert (ours[0] - theirs).abs().mean() < 1e-3


@pytest.mark.parametrize("shape", [(3, 30, 400), (3, 700, 301), (2, 3, 224, 224), (3, 1, 1)])
def test_preprocess_of_any_shape(shape):
    assert Preprocess(256, 224, (0.5,) * 3, (0.25,) * 3)(torch.rand(shape)).shape[1:] == (3, 224, 224)


def test_random_weights_are_announced_and_seeded(kept_apart):
    lines: list[str] = []
    first = models.resnet50(say=lines.append)
    assert lines == [
        "The weights of ResNet-50 are not on this computer: run labkit data resnet50.",
        "ResNet-50 has random weights here: what it says about a photo means nothing.",
        "ResNet-50, weights RANDOM: drawn with seed 0.",
    ]
    assert not first.trained
    state = torch.random.get_rng_state()
    again, other = (models.resnet50("RANDOM", seed=s, say=lines.append) for s in (0, 1))
    assert torch.equal(state, torch.random.get_rng_state())
    assert torch.equal(first.net.fc.weight, again.net.fc.weight)
    assert not torch.equal(first.net.fc.weight, other.net.fc.weight)
    assert sum(p.numel() for p in first.net.parameters()) == 25_557_032


def test_wanted_weights_that_are_not_there(kept_apart):
    with pytest.raises(FetchError, match="run labkit data resnet50"):
        models.resnet50("IMAGENET1K_V2")
    with pytest.raises(ValueError, match="expected auto, IMAGENET1K_V1"):
        models.resnet50("V3")


def test_torch_hubs_own_cache_is_honoured_and_damage_is_told(kept_apart, tmp_path):
    folder = tmp_path / "torch/hub/checkpoints"
    folder.mkdir(parents=True)
    path, other = folder / "resnet50-0676ba61.pth", io.BytesIO()
    torch.save([1, 2], other)
    for content in (b"", b"bad\n", b"<html>not found</html>", other.getvalue(), b"half a file"):
        path.write_bytes(content)
        lines: list[str] = []
        assert not models.resnet50(say=lines.append).trained
        assert "resnet50-0676ba61.pth is damaged or holds other weights" in lines[0]
    assert lines[1] == (
        "The weights of ResNet-50 on this computer are damaged (resnet50-0676ba61.pth): "
        "delete them, and run labkit data resnet50 where there is a network."
    )
    torch.save(models._empty().state_dict(), folder / "resnet50-0676ba61.pth")
    found = models.resnet50(say=lines.append)
    assert found.weights == "IMAGENET1K_V1"
    assert found.preprocess.resize == 256


def test_the_small_network_that_labkit_brings():
    from importlib.resources import files

    path = files("labkit") / "weights" / "small_cifar10.npz"
    assert len(path.read_bytes()) <= 300 * 1024
    small = models.small()
    assert small.trained
    assert not small.net.training
    names = [name for name, _ in small.net.named_children()]
    assert [n for n in names if n.startswith("layer")] == ["layer1", "layer2", "layer3", "layer4"]
    assert small.net.layer4.__class__ is nn.Sequential
    from labkit import datasets

    data = datasets.cached_cifar10()
    if data is not None:
        with torch.inference_mode():
            x = small.preprocess.normalise(data.test_images[:1000].float() / 255)
            hits = (small.net(x).argmax(1) == data.test_labels[:1000]).float().mean()
        assert hits > 0.7


def test_a_whitened_first_layer_gives_uncorrelated_outputs():
    noise = torch.randn(200, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    smooth = nn.functional.avg_pool2d(noise, 3, 1, 1) + 0.3 * noise.mean(1, keepdim=True)
    layer = nn.Conv2d(3, 24, 2, bias=False)
    nets.whiten(layer, smooth, eps=0)
    out = layer(smooth)[:, :12].transpose(0, 1).flatten(1)
    assert torch.allclose(out @ out.T / out.shape[1], torch.eye(12), atol=1e-3)
    assert not layer.weight.requires_grad
    few = nn.Conv2d(3, 6, 2, bias=False)  # room for three: those of the largest eigenvalues
    nets.whiten(few, smooth, eps=0)
    assert torch.equal(few.weight, torch.cat([layer.weight[9:12], layer.weight[21:]]))


def test_real_resnet50_sees_a_cat_and_a_cup():
    try:
        found = models.resnet50(models_at_hand(), say=lambda _line: None)
    except FetchError:
        pytest.skip("no ImageNet weights of ResNet-50 are in a cache (labkit data resnet50)")
    cats = {"tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"}
    assert cats & {name for name, _ in found.top(images.photo("chelsea"))}
    assert {"espresso", "cup", "coffee mug"} & {name for name, _ in found.top(images.photo("coffee"))}


def models_at_hand() -> str:
    """Return the name of weights in a cache; raises FetchError when there are none."""
    return models._at_hand("auto", lambda _line: None).weights
