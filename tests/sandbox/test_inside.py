"""Honest work goes on inside: torch, matplotlib, photos, helpers, files, child processes."""

import os
import statistics
import time

import pytest
from labgrader.sandbox import SandboxLimits, SandboxPolicy, Zygote, snippet
from labgrader.sandbox.records import MIB

PRELOAD = ("numpy", "torch", "matplotlib.pyplot")


@pytest.fixture(scope="module")
def warm(tier):
    policy = SandboxPolicy(limits=SandboxLimits(memory=1024 * MIB), entry=snippet.ENTRY, preload=PRELOAD)
    began = time.perf_counter()
    with Zygote(tier, policy) as zygote:
        print(f"{tier}: warm in {time.perf_counter() - began:.1f} s")
        yield zygote


@pytest.fixture(scope="module")
def student(warm):
    with warm.fork(seed=3) as child:
        yield child


def result(child, code, seconds=60):
    answer = snippet.ask(child, code, seconds=seconds)
    assert "error" not in answer, answer
    return answer["result"]


def test_torch(student):
    code = """
import torch
import torch.nn.functional as F
x = torch.randn(2, 3, 16, 16, requires_grad=True)
w = torch.randn(4, 3, 3, 3, requires_grad=True)
y = F.conv2d(x, w)
y.square().mean().backward()
torch.save({"w": w.detach()}, "w.pt")
again = torch.load("w.pt")["w"]
result = [list(y.shape), bool(w.grad.abs().sum() > 0), torch.get_num_threads(), bool((again == w).all())]
"""
    assert result(student, code) == [[2, 4, 14, 14], True, 1, True]


def test_seeds(warm):
    code = (
        "import numpy, random, torch; result = [random.random(), numpy.random.rand(), torch.rand(1).item()]"
    )

    def draw(seed):
        with warm.fork(seed=seed) as child:
            return result(child, code)

    assert draw(7) == draw(7)
    assert all(a != b for a, b in zip(draw(7), draw(8), strict=True))


def test_data_loader_with_workers(student):
    code = """
import torch
from torch.utils.data import DataLoader, TensorDataset
data = TensorDataset(torch.arange(10.0))
loader = DataLoader(data, batch_size=4, num_workers=2, persistent_workers=True, prefetch_factor=2)
result = [b[0].tolist() for b in loader] + [b[0].tolist() for b in DataLoader(data, 5, False, None, None, 1)]
"""
    assert result(student, code) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9], [0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_matplotlib(student):
    code = """
import matplotlib.pyplot as plt
fig, ax = plt.subplots()
ax.plot([1, 2, 4]); ax.set_title("A title")
fig.savefig("a.png")
result = open("a.png", "rb").read(8).hex()
"""
    assert result(student, code) == "89504e470d0a1a0a"


def test_fonts_are_not_searched_again_by_another_program(student):
    import matplotlib

    if not os.path.exists(os.path.join(matplotlib.get_cachedir(), "fontlist-v390.json")) and not any(
        name.startswith("fontlist") for name in os.listdir(matplotlib.get_cachedir())
    ):
        pytest.skip("matplotlib has no font cache on this machine yet")
    assert any(
        name.startswith("fontlist") for name in result(student, "import os; result = os.listdir('.mpl')")
    )


def test_photos_of_the_scikit_image_wheel(student):
    assert result(student, "import skimage.data; result = skimage.data.chelsea().shape") == [300, 451, 3]


def test_packages_that_were_not_preloaded(student):
    assert result(student, "import cv2, scipy.ndimage, labkit; result = 1") == 1


def test_files_and_copies(student):
    code = """
import os, pathlib, shutil, tempfile, zipfile
pathlib.Path("a").write_text("x"); shutil.copy("a", "b"); shutil.copy2("a", "c"); os.chmod("a", 0o644)
os.makedirs("d/e", exist_ok=True); shutil.move("b", "d/e/b"); shutil.copytree("d", "f")
with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(folder + "/z.zip", "w") as archive:
    archive.write("a")
with tempfile.TemporaryFile() as file:
    file.write(b"1")
shutil.rmtree("f"); os.replace("c", "a")
result = sorted(n for n in os.listdir(".") if n in "abcdf")
"""
    assert result(student, code) == ["a", "d"]


def test_programs_threads_and_pools(student):
    code = """
import concurrent.futures, subprocess, sys
command = [sys.executable, "-c", "import numpy; print(numpy.ones(3).sum())"]
out = subprocess.run(command, capture_output=True, text=True)
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    total = sum(pool.map(abs, range(-9, 0)))
result = [out.stdout.strip(), out.stderr, total, subprocess.getoutput("echo hi")]
"""
    assert result(student, code) == ["3.0", "", 45, "hi"]


def test_asyncio(student):
    code = """
import asyncio
async def main():
    await asyncio.sleep(0.01); return 5
result = asyncio.run(main())
"""
    assert result(student, code) == 5


def test_ipython_shell(student):
    code = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
result = [shell.run_cell("x = 2 + 3").success, shell.user_ns["x"]]
"""
    assert result(student, code) == [True, 5]


def test_latency_and_memory(warm):
    times, pss = [], 0
    for _ in range(10):
        began = time.perf_counter()
        with warm.fork() as child:
            times.append(time.perf_counter() - began)
            lines = result(child, "result = list(open('/proc/self/smaps_rollup'))")
            pss = sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))
    print(
        f"{warm.tier}: fork to ready {statistics.median(times) * 1e3:.0f} ms, own memory {pss / 1024:.0f} MB"
    )
    assert statistics.median(times) < 5.0
    assert pss / 1024 < 200


def test_the_entrys_module_warms_up_once_for_all(protecting_tier):
    from labgrader.bridge.tester import Session

    cell = """
import pickle, sys, torch, __main__
import matplotlib.pyplot as plt
class A(torch.nn.Module): pass
assert type(pickle.loads(pickle.dumps(A()))) is A and __main__.A is A and "w" not in globals()
torch.save(A(), "a.pt"); plt.plot([1, 2]); plt.show()
"""
    times = []
    with Zygote(protecting_tier, SandboxPolicy()) as zygote:
        for _ in range(4):
            began = time.perf_counter()
            with zygote.fork() as child, Session(child.sock, interrupt=child.interrupt) as session:
                session.run_cell("x = 1", 20)
                times.append(time.perf_counter() - began)
                run = session.run_cell(cell, 20)
                assert run.error is None
                assert [output["output_type"] for output in run.outputs] == ["display_data"]
    print(f"{protecting_tier}: from fork to the end of a first small cell {min(times) * 1e3:.0f} ms")
