"""Predictions travel as text: whatever is packed comes back, and whatever was changed is told."""

import base64
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import check, datasets, predictions, standin
from labkit.predictions import DATA, PredictionsError, pack, truth, unpack

DRAWN = np.random.default_rng(0).integers(0, 10, 10_000)
TEXT = pack(DRAWN, "CIFAR-10")
SIGNS = int(TEXT.split()[4])


def by_hand(packed):
    """A text with a body that labkit did not write."""
    body = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    return f"labkit-predictions CIFAR-10 10000 00000000 {len(body)}\n{body}"


def squeezed(raw):
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(raw) + packer.flush()


def scored(capsys, fn):
    earned = check.my_predictions(fn)
    return earned, capsys.readouterr().out.rstrip("\n")


def some(data, share):
    """Answers of which exactly a share is right."""
    answers = truth(data).copy()
    wrong = len(answers) - round(share * len(answers))
    answers[:wrong] = (answers[:wrong] + 1) % 10
    return pack(answers, data)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_packed_comes_back(seed):
    answers = np.random.default_rng(seed).integers(0, 10, 2_000)
    found = unpack(pack(answers, "stand-in"))
    assert found.data == "stand-in"
    assert np.array_equal(found.answers, answers)


def test_the_lines_are_short_and_of_bad_answers_there_are_not_many_more():
    assert len(TEXT) < 5_800
    assert max(map(len, TEXT.split("\n"))) <= 72  # unbroken in the PDF


def test_a_good_networks_text_is_short():
    answers, draw = truth("CIFAR-10").copy(), np.random.default_rng(1)
    wrong = draw.permutation(10_000)[:1_500]
    answers[wrong] = (answers[wrong] + draw.integers(1, 10, 1_500)) % 10
    text = pack(answers, "CIFAR-10")
    assert text.count("\n") <= 30  # half a page, in the cell and again printed
    assert np.array_equal(unpack(text).answers, answers)


def test_the_text_survives_indenting():
    assert np.array_equal(unpack("\n   " + TEXT.replace("\n", "\r\n      ") + "\n\n").answers, DRAWN)
    assert np.array_equal(unpack(pack(torch.from_numpy(DRAWN), "CIFAR-10")).answers, DRAWN)
    told = "\ufeff85.4 % of the test pictures are right (CIFAR-10)\n\n"  # the line printed above it
    assert np.array_equal(unpack(told + TEXT).answers, DRAWN)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (5, "expected the text that labkit printed, got int"),
        (None, "nothing came back: put the text behind return"),
        ("", "has no line that begins with labkit-predictions"),
        ("x" * 200_000, "far too long"),
        (TEXT[20:], "has no line that begins with labkit-predictions"),
        (TEXT[:-3], f"has {SIGNS - 3} signs and should have {SIGNS}: copy all lines"),
        (
            TEXT + "a",
            f"has {SIGNS + 1} signs and should have {SIGNS}: copy all lines once, and nothing behind",
        ),
        (TEXT[:-1] + "é", "signs that labkit does not write"),
        (TEXT[:3000] + ("a" if TEXT[3000] != "a" else "b") + TEXT[3001:], "changed on its way"),
        (TEXT.replace(TEXT.split()[3], "00000000"), "changed on its way"),
        (by_hand(b"no compressed text"), "changed on its way"),
        (by_hand(squeezed(bytes(4_999))), "changed on its way"),
        (by_hand(squeezed(bytes(5_001))), "changed on its way"),
        (by_hand(squeezed(bytes([100]) * 5_000)), "changed on its way"),
        (by_hand(squeezed(bytes(50_000_000))), "changed on its way"),  # unpacks to 50 MB
        (TEXT.replace("CIFAR-10", "MNIST", 1), "10000 pictures of MNIST, which labkit does not know"),
        (TEXT.replace("10000", "9999", 1), "9999 pictures of CIFAR-10, which labkit does not know"),
    ],
)
def test_text_that_cannot_be_used_is_explained(text, said, capsys):
    with pytest.raises(PredictionsError, match=said[:30]):
        unpack(text)
    earned, out = scored(capsys, lambda: text)
    assert float(earned) == 0
    assert said in out
    assert said in earned.reasons[0]


def test_answers_that_cannot_be_packed_are_explained():
    with pytest.raises(PredictionsError, match="answers of shape"):
        pack([1, 2], "stand-in")
    with pytest.raises(PredictionsError, match="from 0 to 9"):
        pack([10] * 2_000, "stand-in")
    with pytest.raises(PredictionsError, match="expected CIFAR-10 or stand-in"):
        pack([1] * 2_000, "MNIST")


@pytest.mark.parametrize("data", DATA)
def test_each_tier_is_reached_at_its_accuracy(data, capsys):
    for rank, tier in enumerate(predictions.TIERS[data]):
        assert scored(capsys, lambda tier=tier: some(data, tier))[0].passed == rank + 1
        assert scored(capsys, lambda tier=tier: some(data, tier - 0.002))[0].passed == rank
    assert scored(capsys, lambda: pack([3] * DATA[data], data))[0].passed == 0


def test_the_message_says_the_accuracy_and_the_data(capsys):
    earned, text = scored(capsys, lambda: some("CIFAR-10", 0.7003))
    assert text == (
        "✗ my_predictions: 70.0 % of the 10,000 test pictures of CIFAR-10 are right: 3 of 6 tiers; "
        "the next tier begins at 72 %."
    )
    assert earned * 6 == 3.0
    _, text = scored(capsys, lambda: some("stand-in", 0.99))
    assert text == (
        "✓ my_predictions: 99.0 % of the 2,000 test pictures of the stand-in, not of CIFAR-10, are right. "
        "That is all 6 tiers."
    )


@pytest.mark.parametrize(("share", "asks"), [(0.9, False), (1.0, True)])
def test_what_is_too_good_asks_for_a_person(capsys, share, asks):
    earned, text = scored(capsys, lambda: some("CIFAR-10", share))
    assert earned == 1
    assert ("\nWorth a look: " in text) is asks


def test_stubs_and_errors_are_told(capsys):
    def my_predictions():
        raise NotImplementedError

    assert "not written yet" in scored(capsys, my_predictions)[1]
    assert "stopped with ZeroDivisionError" in scored(capsys, lambda: 1 / 0)[1]
    assert "no function" in scored(capsys, "text")[1]


def test_the_labels_that_labkit_brings_are_those_of_the_data():
    assert np.array_equal(truth("stand-in"), standin.draw(2_000, 1)[1])
    assert np.bincount(truth("CIFAR-10")).tolist() == [1_000] * 10
    data = datasets.cached_cifar10()
    if data is not None:
        assert np.array_equal(truth("CIFAR-10"), data.test_labels.numpy())


@pytest.mark.parametrize(
    ("answers", "data", "said"),
    [
        (
            DRAWN,
            datasets.stand_in(train=20, test=20),
            "data is of type Images, no name; expected CIFAR-10 or",
        ),
        (
            DRAWN,
            ["CIFAR-10"],
            "data is of type list, no name; expected CIFAR-10 or stand-in, as in data.name",
        ),
        (DRAWN, "x" * 20_000, f"data is '{'x' * 40}'; expected CIFAR-10 or stand-in"),
        (
            [[1], [1, 2]],
            "CIFAR-10",
            "the answers are no row of numbers; expected 10000, one class (0 to 9) for each",
        ),
        (torch.rand(10_000, requires_grad=True), "CIFAR-10", "answers are whole numbers from 0 to 9"),
    ],
)
def test_answers_and_names_that_cannot_be_packed_are_told_in_a_short_sentence(answers, data, said):
    with pytest.raises(PredictionsError) as told:
        pack(answers, data)
    assert str(told.value).startswith(said)
    assert len(str(told.value)) < 120
