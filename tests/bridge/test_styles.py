# ruff: noqa: E501  (tables of cells)
"""Kinds of tests that instructors write: the honest ones pass across the bridge, the forged answers fail."""

import pytest

STUDENT = """
answer = 17

def grown(n, k, pad, step): return (n + 2 * pad - k) // step + 1
def plus(a, b): return a + b
def same(x): return x
def filtered(x, k): return F.conv2d(x, k)

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.conv2 = nn.Conv2d(4, 8, 3)
        self.out = nn.Linear(8, 5)
    def forward(self, x):
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        return self.out(x.mean((2, 3)))

class Mlp(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.a, self.b = nn.Linear(d, 16), nn.Linear(16, 2)
    def forward(self, x): return self.b(torch.tanh(self.a(x)))

def fit(net, X, Y, steps=60, lr=0.1, loss=F.cross_entropy):
    opt, seen = torch.optim.SGD(net.parameters(), lr), []
    for _ in range(steps):
        opt.zero_grad(); value = loss(net(X), Y); value.backward(); opt.step(); seen.append(value.item())
    return seen

def order(items): items.sort()
def blank(a): a[0] = 0
def doubled(t): t *= 2
def remember(d): d["k"] = [1]

class Point:
    def __init__(self, x, y): self.x, self.y = x, y
    def __add__(self, o): return Point(self.x + o.x, self.y + o.y)
    def __eq__(self, o): return (self.x, self.y) == (o.x, o.y)
    def __len__(self): return 2
    def __getitem__(self, i): return (self.x, self.y)[i]

def upto(n):
    for i in range(n): yield i
def root(x):
    if x < 0: raise ValueError("below zero")
    return x ** 0.5
def twice(f, x): return f(f(x))
def probs(x): return np.exp(x - x.max()) / np.exp(x - x.max()).sum()
def facts(x): return {"mean": float(x.mean()), "shape": x.shape}
def batches(X, Y, size): return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(X, Y), batch_size=size)
class Ramp(torch.utils.data.Dataset):
    def __len__(self): return 6
    def __getitem__(self, i): return torch.full((3,), float(i)), i
square = lambda v: v * v
def energy(x): return (x ** 3).sum()
class Clip(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): ctx.save_for_backward(x); return x.clamp(min=0)
    @staticmethod
    def backward(ctx, g): return g * (ctx.saved_tensors[0] > 0)
def picture():
    import matplotlib.pyplot as plt
    fig, ax = plt.subplots(); ax.plot([1, 4, 9]); ax.set_title("squares"); return fig, ax

class Agree:
    def __eq__(self, o): return True
    def __ne__(self, o): return False
    def __bool__(self): return True
    def __lt__(self, o): return True
    def __gt__(self, o): return True
    def __float__(self): return 7.0
    def __int__(self): return 7
    def __index__(self): return 7
    def __array__(self, *a, **k): return np.array([1.0, 2.0, 3.0])
    def __contains__(self, o): return True
    def __sub__(self, o): return 0.0
    def __rsub__(self, o): return 0.0
    def __abs__(self): return 0.0
def agree(*a): return Agree()
class AgreeArray(np.ndarray):
    def __array_ufunc__(self, *a, **k): return np.True_
    def __eq__(self, o): return True
def agree_array(*a): return np.zeros(3).view(AgreeArray)
class AgreeTensor(torch.Tensor):
    @classmethod
    def __torch_function__(cls, f, types, args=(), kwargs=None): return True
def agree_tensor(*a): return torch.zeros(3).as_subclass(AgreeTensor)
class AgreeInt(int):
    def __eq__(self, o): return True
    __hash__ = int.__hash__
def agree_int(*a): return AgreeInt(3)
class AgreeStr(str):
    def __eq__(self, o): return True
    __hash__ = str.__hash__
def agree_str(*a): return AgreeStr("x")
class AgreeTuple(tuple):
    def __eq__(self, o): return True
def agree_tuple(*a): return AgreeTuple((1,))
def wipe(x, k):
    x[...] = 0; k[...] = 0
    return F.conv2d(x, k)
def halt(v): raise StopIteration
class Liar:
    @property
    def __class__(self): return int
def liar(): return Liar()
"""

HONEST = {
    "number": "assert grown(9, 3, 1, 2) == 5",
    "variable": "assert answer == 17",
    "close to a library": """
x = torch.randn(2, 3, 9, 9); k = torch.randn(4, 3, 3, 3)
np.testing.assert_allclose(filtered(x, k), F.conv2d(x, k), rtol=1e-5)""",
    "torch.testing": "x = torch.randn(1, 1, 5, 5); torch.testing.assert_close(filtered(x, x), F.conv2d(x, x))",
    "output shape of a network": "assert Small()(torch.zeros(2, 3, 12, 12)).shape == (2, 5)",
    "count of parameters": "assert sum(p.numel() for p in Small().parameters()) == 4*28 + 8*37 + 45",
    "isinstance of library and student classes": """
net = Small()
assert isinstance(net, nn.Module) and isinstance(net, Small) and isinstance(net.out, nn.Linear)
assert not isinstance(net, nn.Linear) and not isinstance(3, Small) and issubclass(Small, Small)""",
    "settings of layers": """
net = Small()
assert net.conv1.kernel_size == (3, 3) and net.out.in_features == 8 and net.out.weight.shape == (5, 8)""",
    "state_dict and named_parameters": """
net = Small()
assert list(net.state_dict())[0] == "conv1.weight" and dict(net.named_parameters())["out.bias"].shape == (5,)""",
    "load_state_dict": """
a, b = Small(), Small(); b.load_state_dict(a.state_dict()); x = torch.randn(1, 3, 8, 8)
assert torch.equal(a(x), b(x))""",
    "layers by type": "assert sum(isinstance(m, nn.Conv2d) for m in Small().modules()) == 2",
    "train and eval": "net = Small(); net.eval(); assert net.training is False; net.train(); assert net.training",
    "gradients of parameters": """
net = Small(); F.cross_entropy(net(torch.randn(4, 3, 8, 8)), torch.tensor([1, 2, 3, 4])).backward()
assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())""",
    "gradient of the input": """
x = torch.tensor([1., 2., 3.], requires_grad=True); energy(x).backward()
np.testing.assert_allclose(x.grad, [3, 12, 27])""",
    "gradcheck": """
x = torch.randn(5, dtype=torch.double, requires_grad=True); assert torch.autograd.gradcheck(Clip.apply, (x,))""",
    "training loop in the test": """
torch.manual_seed(0); X = torch.randn(128, 2); Y = (X[:, 0] * X[:, 1] > 0).long(); m = Mlp(2)
o = torch.optim.Adam(m.parameters(), lr=.05); first = None
for _ in range(120):
    o.zero_grad(); l = F.cross_entropy(m(X), Y); first = first or l.item(); l.backward(); o.step()
acc = (m(X).argmax(1) == Y).float().mean().item()
assert l.item() < first / 2 and acc > .9, (first, l.item(), acc)""",
    "training loop of the student": """
X = torch.randn(128, 2); Y = (X[:, 0] > 0).long(); m = Mlp(2); h = fit(m, X, Y, steps=150, lr=.5)
assert h[-1] < h[0] and (m(X).argmax(1) == Y).float().mean() > .9""",
    "loss written in the test": """
X = torch.randn(64, 2); Y = (X[:, 0] > 0).long()
h = fit(Mlp(2), X, Y, steps=30, lr=.5, loss=lambda a, b: F.cross_entropy(a, b))
assert len(h) == 30 and h[-1] < h[0]""",
    "library function as argument": """
X = torch.randn(64, 2); Y = (X[:, 0] > 0).long(); h = fit(Mlp(2), X, Y, steps=5, loss=F.cross_entropy)
assert h[-1] < h[0]""",
    "callback": "assert twice(lambda v: v + 3, 1) == 7",
    "list changed in place": "# bridge: copy back\nl = [3, 1, 2]; order(l); assert l == [1, 2, 3]",
    "array changed in place": "# bridge: copy back\na = np.array([5., 6.]); blank(a); assert a.tolist() == [0, 6]",
    "tensor changed in place": "# bridge: copy back\nt = torch.ones(2); doubled(t); assert t.tolist() == [2, 2]",
    "dictionary changed in place": "# bridge: copy back\nd = {}; remember(d); assert d == {'k': [1]}",
    "argument left as it was": "a = np.array([5., 6.]); probs(a); assert (a == [5, 6]).all()",
    "exception and message": """
try:
    root(-1)
except ValueError as e:
    assert "below zero" in str(e)
else:
    raise AssertionError""",
    "generator": "assert list(upto(5)) == [0, 1, 2, 3, 4] and sum(upto(4)) == 6\ng = upto(2); assert next(g) == 0",
    "student class with operators": """
# bridge: student equality
s = Point(1, 2) + Point(3, 4)
assert s == Point(4, 6) and s.x == 4 and len(s) == 2 and s[1] == 6""",
    "dictionary with a shape": "d = facts(np.ones((2, 3))); assert d['mean'] == 1 and d['shape'] == (2, 3)",
    "loader of the student": """
assert sum(len(xb) for xb, yb in batches(torch.zeros(10, 3), torch.arange(10), 4)) == 10""",
    "data set in the test's loader": """
xb, yb = next(iter(torch.utils.data.DataLoader(Ramp(), batch_size=6)))
assert xb.shape == (6, 3) and yb.tolist() == [0, 1, 2, 3, 4, 5]""",
    "lambda and map": "assert [square(v) for v in range(3)] == [0, 1, 4] and list(map(square, [1, 2])) == [1, 4]",
    "network inside the test's Sequential": """
assert nn.Sequential(Small(), nn.Softmax(1))(torch.zeros(1, 3, 8, 8)).shape == (1, 5)""",
    "name and docstring": "assert plus.__name__ == 'plus' and plus.__doc__ is None",
    "deep copy": "n = Small(); m = copy.deepcopy(n); x = torch.ones(1, 3, 8, 8); assert torch.equal(m(x), n(x)) and m is not n",
    "figure": """
fig, ax = picture()
assert ax.get_title() == "squares" and len(ax.lines) == 1 and list(ax.lines[0].get_ydata()) == [1, 4, 9]""",
    "many calls": "for i in range(300):\n    assert plus(i, 1) == i + 1",
}

NOT_POSSIBLE = {
    "subclass of the student's class": ("class Sub(Small): pass", "cannot derive a class"),
    "signature": ("assert list(inspect.signature(plus).parameters) == ['a', 'b']", "AssertionError"),
    "the same object returned": ("x = [1]; assert same(x) is x", "AssertionError"),
}

CHEATS = {
    "always equal": "assert agree() == 7",
    "always equal, other way round": "assert 7 == agree()",
    "truth": "assert agree()",
    "or": "assert agree() or False",
    "numpy comparison": "np.testing.assert_allclose(agree(), [1, 2, 3])",
    "numpy equality": "np.testing.assert_array_equal(agree(), [1, 2, 3])",
    "numpy asarray": "assert np.asarray(agree()).tolist() == [1, 2, 3]",
    "numpy subclass": "np.testing.assert_allclose(agree_array(), [1, 2, 3])",
    "numpy subclass all": "assert (agree_array() == np.array([1, 2, 3])).all()",
    "tensor subclass": "assert torch.allclose(agree_tensor(), torch.tensor([1., 2, 3]))",
    "tensor subclass equal": "assert torch.equal(agree_tensor(), torch.tensor([1., 2, 3]))",
    "int subclass": "assert agree_int() == 7",
    "str subclass": "assert agree_str() == 'answer'",
    "tuple subclass": "assert agree_tuple() == (1, 2, 3)",
    "list of forgeries": "assert [agree()] == [7]",
    "distance": "assert abs(agree() - 7) < 1e-6",
    "distance, other way round": "assert abs(7 - agree()) < 1e-6",
    "absolute value": "assert abs(agree()) == 0",
    "not unequal": "assert not (agree() != 7)",
    "less": "assert agree() < 3",
    "greater": "assert 3 > agree()",
    "math.isclose": "assert math.isclose(agree(), 7)",
    "float": "assert float(agree()) == 7",
    "int": "assert int(agree()) == 7",
    "index": "assert range(20)[agree()] == 7",
    "in": "assert 3 in agree()",
    "in a list": "assert agree() in [1, 2, 7]",
    "all": "assert all([agree(), agree()])",
    "torch.tensor": "assert torch.tensor(agree()).item() == 7",
    "torch.equal": "assert torch.equal(agree(), torch.tensor(7))",
    "two forgeries": "assert agree() == agree()",
    "isinstance int": "assert isinstance(liar(), int)",
    "isinstance tensor": "assert isinstance(agree_array(), AgreeArray)",
    "zero the inputs": """
x = torch.randn(1, 1, 5, 5); k = torch.randn(1, 1, 3, 3)
np.testing.assert_allclose(wipe(x, k), F.conv2d(x, k), atol=1e-6)""",
    "end the loop": "for a, b in zip(map(halt, [1, 2, 3]), [1, 4, 9]):\n    assert a == b",
    "end next()": "assert next(map(halt, [1]), 1) == 1",
}  # fmt: skip


@pytest.fixture(scope="module")
def shared(start_shared):
    """One student process for all styles: tests must not disturb each other."""
    return start_shared(STUDENT)


@pytest.mark.parametrize("name", HONEST)
def test_honest_styles_pass(name, shared):
    run = shared.run_test(HONEST[name], 30)
    assert run.error is None, run.error.trace


@pytest.mark.parametrize("name", NOT_POSSIBLE)
def test_what_is_known_not_to_work_fails_with_a_reason(name, shared):
    source, words = NOT_POSSIBLE[name]
    assert words in str(shared.run_test(source, 10).error)


@pytest.mark.parametrize("name", CHEATS)
def test_forged_answers_fail(name, shared):
    run = shared.run_test(CHEATS[name], 10)
    assert run.error is not None
    assert run.value is None
    assert not shared.lost
