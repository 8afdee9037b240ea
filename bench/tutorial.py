"""The introductory tutorial's training in our own words, and the DataLoader loop that most people write."""

import torch
from torch import nn

from labkit import datasets


class Introductory(nn.Module):
    """The introductory network as the tutorial writes it: pooling behind ReLU."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2, self.pool = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2, 2)
        self.fc1, self.fc2, self.fc3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(nn.functional.relu(self.conv1(x)))
        x = torch.flatten(self.pool(nn.functional.relu(self.conv2(x))), 1)
        x = nn.functional.relu(self.fc2(nn.functional.relu(self.fc1(x))))
        return self.fc3(x)


class Pictures(torch.utils.data.Dataset):
    """One picture at a time through PIL and transforms, as torchvision's CIFAR10 gives them."""

    def __init__(self, images: torch.Tensor, labels: torch.Tensor):
        from torchvision import transforms

        self.images, self.labels = images.permute(0, 2, 3, 1).contiguous().numpy(), labels.tolist()
        half = (0.5, 0.5, 0.5)
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(half, half)])

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        from PIL import Image

        return self.transform(Image.fromarray(self.images[i])), self.labels[i]


def tutorial(data: datasets.Images, seed: int, workers: int) -> float:
    """Train as the introductory tutorial does: batch 4, SGD 0.001 and 0.9, two epochs."""
    torch.manual_seed(seed)
    net, criterion = Introductory(), nn.CrossEntropyLoss()
    load = {"batch_size": 4, "num_workers": workers}
    train = torch.utils.data.DataLoader(Pictures(data.train_images, data.train_labels), shuffle=True, **load)
    test = torch.utils.data.DataLoader(Pictures(data.test_images, data.test_labels), **load)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
    running = 0.0
    for _ in range(2):
        for inputs, labels in train:
            optimizer.zero_grad()
            loss = criterion(net(inputs), labels)
            loss.backward()
            optimizer.step()
            running += loss.item()
    hits = 0
    with torch.no_grad():
        for inputs, labels in test:
            hits += int((net(inputs).argmax(1) == labels).sum())
    return hits / len(data.test_labels)


def plain_loop(data: datasets.Images, rate: float, epochs: int) -> None:
    """Train as most do: DataLoader, batch 64, the test pictures measured after each epoch."""
    torch.manual_seed(0)
    net = Introductory()
    train = torch.utils.data.DataLoader(
        Pictures(data.train_images, data.train_labels), batch_size=64, shuffle=True
    )
    test = torch.utils.data.DataLoader(Pictures(data.test_images, data.test_labels), batch_size=64)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
    for _ in range(epochs):
        for inputs, labels in train:
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(inputs), labels).backward()
            optimizer.step()
        with torch.no_grad():
            for inputs, _labels in test:
                net(inputs)
