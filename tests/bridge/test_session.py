# ruff: noqa: E501  (tables of cells)
"""Tests run on the trusted side: names, state as of position, values, time, callbacks, gradients."""

import threading
import time

import pytest
import torch
from labgrader.bridge.errors import SessionLost


@pytest.fixture(scope="module")
def session(start_shared):
    return start_shared()


def value(session, source, **options):
    run = session.run_test(source, 20, **options)
    assert run.error is None, run.error.trace
    return run.value


def cell(session, source):
    run = session.run_cell(source, 20)
    assert run.error is None, run.outputs


# Names.


def test_a_test_sees_the_student_as_of_its_position(session):
    cell(session, "def area(r): return 1")
    assert value(session, "area(2)") == 1
    cell(session, "def area(r): return r * r")
    assert value(session, "area(2)") == 4
    cell(session, "del area")
    assert "'area' is not defined" in str(session.run_test("area(2)", 5).error)


def test_names_of_the_trusted_side_win(session):
    cell(
        session,
        "torch = np = math = F = None\nlen = sum = isinstance = print = str = range = lambda *a, **k: 0\nwished = 3",
    )
    assert value(session, "(math.sqrt(4), len([1]), sum([1, 2]), torch.ones(2).sum().item(), wished)") == (
        2,
        1,
        3,
        2,
        3,
    )
    cell(
        session,
        "del len, sum, isinstance, print, str, range\nimport torch, math; import numpy as np; import torch.nn.functional as F",
    )


@pytest.mark.parametrize(
    "name", ["check", "secret", "earned", "torch", "np", "nn", "plt", "math", "random", "labkit"]
)
def test_wellknown_names_never_come_from_the_student(name, start_bare):
    cell(start_bare, f"{name} = 'forged'")
    run = start_bare.run_test(f"str({name})", 20)
    assert run.value is None or "forged" not in run.value


@pytest.fixture(scope="module")
def start_bare(start_shared):
    return start_shared(setup="")


def test_a_name_that_the_test_binds_is_never_the_students(session):
    cell(session, "points = 100\nexpected = 100")
    run = session.run_test("try:\n    points = 1 / 0\nexcept ZeroDivisionError:\n    pass\npoints", 5)
    assert "'points' is not defined" in str(run.error)
    assert value(session, "expected = 5\nexpected") == 5
    cell(session, "expected = 100")
    assert value(session, "expected") == 5


def test_only_listed_names_are_fetched_when_a_list_is_given(session):
    cell(session, "mine = 1\nother = 2")
    assert value(session, "mine", student={"mine"}) == 1
    assert "'other' is not defined" in str(session.run_test("other", 5, student={"mine"}).error)


def test_bindings_stay_from_test_to_test_and_helpers_see_the_present_student(session):
    cell(session, "def level(): return 1")
    assert value(session, "def twice():\n    return 2 * level()\nbase = 10\ntwice()") == 2
    cell(session, "def level(): return 5")
    assert value(session, "base + twice()") == 20


def test_setup_runs_without_student_names_and_leaves_out_what_fails(session):
    source = "%matplotlib inline\nimport cmath\nconstant = 7\nshown = not_there(constant)\nother_constant = 8\ndef use(): return student_part()"
    failed = session.run_setup(source, 5)
    assert [f.name for f in failed] == ["NameError"]
    assert value(session, "(constant, other_constant, cmath.sqrt(4).real)") == (7, 8, 2)
    cell(session, "constant = 'forged'\ndef student_part(): return 3")
    assert value(session, "(constant, use())") == (7, 3)
    assert session.run_setup("def (", 5)[0].name == "SyntaxError"


def test_a_setup_cell_after_a_test_takes_a_name_over(start):
    session = start("scale = 100")
    assert value(session, "scale") == 100
    assert session.run_setup("scale = 2", 5) == []
    assert value(session, "scale") == 2


def test_the_secret_is_given_by_the_grader(session):
    cell(session, "seen = []\ndef log(x): seen.append(x)\ndef secret(x): return 'forged'")
    assert (
        value(session, "log(1)\nsecret('conv')", names={"secret": lambda name: f"{name}-key"}) == "conv-key"
    )
    assert value(session, "seen") == [1]


# Values and prints.


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = 3", None),
        ("4 * 0.5", 2.0),
        ("x = 1\nx", 1),
        ("for i in range(2): i", None),
        ("# only words", None),
        ("", None),
        ("'a'; 3", 3),
    ],
)
def test_the_value_is_that_of_the_last_expression(source, expected, session):
    assert value(session, source) == expected


def test_a_student_object_is_no_value(session):
    cell(session, "class Points: pass\npts = Points()")
    run = session.run_test("pts", 5)
    assert run.value is None
    assert "not a number of points" in run.error.message


def test_prints_of_test_and_student_are_kept_apart(session):
    cell(session, "import warnings\ndef loud():\n    print('inside'); warnings.warn('w'); return 1")
    run = session.run_test("import warnings\nprint('from the test'); warnings.warn('x'); loud()", 5)
    assert (run.value, run.stdout, run.error) == (1, "from the test\n", None)
    assert run.printed.startswith("inside\n")
    assert session.run_test("1", 5).printed == ""
    assert len(session.run_test("print('x' * 10**6)", 5).stdout) < 101_000


def test_errors_of_the_test_have_name_message_and_line(session):
    cell(session, "def broken(x):\n    y = x\n    return y.missing")
    error = session.run_test("a = 1\nbroken(a)", 5).error
    assert (error.name, error.line) == ("AttributeError", 3)
    assert "in broken" in error.trace
    assert "test, line 2: broken(a)" in error.trace
    error = session.run_test("x = 1\nassert x == 2, 'not two'", 5).error
    assert (str(error), error.line) == ("AssertionError: not two", 2)
    assert session.run_test("def (", 5).error.name == "SyntaxError"
    assert session.run_test("raise SystemExit", 5).error.name == "SystemExit"


HOSTILE_ERRORS = {
    "str raises": ("class E(Exception):\n    def __str__(self): raise ValueError", "raise E()", "E"),
    "str is no string": ("class E(Exception):\n    def __str__(self): return 3", "raise E()", "E"),
    "str never ends": ("class E(Exception):\n    def __str__(self): return 'x' * 10**7", "raise E()", "E"),
    "derived from ValueError": ("class E(ValueError): pass", "raise E('bad')", "E"),
    "forged name": (
        "class E(Exception): pass\nE.__name__ = 'AssertionError'",
        "raise E('bad')",
        "AssertionError",
    ),
    "SystemExit": ("", "raise SystemExit(0)", "SystemExit"),
    "KeyboardInterrupt": ("", "raise KeyboardInterrupt", "KeyboardInterrupt"),
    "StopIteration": ("", "raise StopIteration(5)", "RuntimeError|StopIteration"),
    "huge args": ("", "raise ValueError('a' * 10**7, [1], object())", "ValueError"),
    "deep recursion": ("", "return bad()", "RecursionError"),
    "string raised": ("", "raise 'text'", "TypeError"),
    "warning raised": ("", "raise UserWarning('w')", "UserWarning"),
    "chained": ("", "raise KeyError('k') from ValueError('v')", "KeyError"),
}


@pytest.mark.parametrize("name", HOSTILE_ERRORS)
def test_hostile_exceptions_become_a_plain_failure(name, session):
    before, body, expected = HOSTILE_ERRORS[name]
    cell(session, f"{before}\ndef bad():\n    {body}")
    run = session.run_test("bad()", 10)
    assert run.error.name in expected.split("|")
    assert len(run.error.message) < 2100
    assert value(session, "try:\n    bad()\nexcept Exception as e:\n    caught = True\ncaught") is True


def test_a_derived_exception_is_caught_as_its_builtin_base(session):
    cell(session, "class Mine(LookupError): pass\ndef bad(): raise Mine('x')")
    assert value(session, "try:\n    bad()\nexcept LookupError as e:\n    text = str(e)\ntext") == "Mine: x"


# Time.


def test_a_slow_function_costs_its_test_and_no_other(session):
    cell(session, "def slow(x):\n    while True: pass\ndef fast(x): return x")
    begin = time.monotonic()
    run = session.run_test("slow(1)\n5", 0.5)
    assert time.monotonic() - begin < 15
    assert (run.value, run.error.name) == (None, "TimeUp")
    assert value(session, "fast(1)") == 1


def test_swallowing_the_time_up_does_not_help(session):
    source = "try:\n    slow(1)\nexcept BaseException:\n    pass\n5"
    cell(session, "def slow(x):\n    while True: pass")
    run = session.run_test(source, 0.4)
    assert (run.value, run.error.name) == (None, "TimeUp")


def test_many_quick_calls_share_one_clock(session):
    cell(session, "import time\ndef nap(x): time.sleep(0.05); return x")
    begin = time.monotonic()
    run = session.run_test("for i in range(1000): nap(i)\n5", 0.5)
    assert time.monotonic() - begin < 15
    assert run.error.name == "TimeUp"


def test_the_students_interrupt_handler_cannot_go_on(start):
    session = start(grace=0.3)
    cell(
        session,
        "def deaf(x):\n    while True:\n        try:\n            while True: int(x)\n        except BaseException: x = 0",
    )
    with pytest.raises(SessionLost):
        session.run_test("deaf(1)", 2.0)  # long enough to get there on a busy machine


@pytest.mark.parametrize(
    ("seed", "handed_on"), [(7, True), ((1 << 20) - 1, True), (1 << 20, False), (2**60, False)]
)
def test_a_seed_that_may_come_from_the_secret_stays_on_the_trusted_side(seed, handed_on, session):
    cell(session, "import torch\ndef told(): return torch.initial_seed()")
    before = value(session, "told()")
    assert value(session, f"import torch\ntorch.manual_seed({seed})\ntold()") == (
        seed if handed_on else before
    )
    assert value(session, "told()") == before


def test_a_function_of_the_test_has_a_name(session):
    cell(
        session,
        """
import copy, functools, inspect
def facts(f):
    wrapped = functools.wraps(f)(lambda x: f(x) + 1)
    f.calls = 1
    return [f.__name__, f.__qualname__, repr(f), wrapped.__name__, wrapped(2), hasattr(f, "__wrapped__"),
            len(inspect.signature(f).parameters), f.__module__, copy.deepcopy(f)(1)]
""",
    )
    told = ["double", "double", "<function double of the test>", "double", 5, False]
    source = "def double(x): return 2 * x\nfacts(double)"
    assert value(session, source) == [*told, 2, "__main__", 2]
    assert value(session, "facts(lambda x: x)")[0] == "function"
    odd = "def odd(x): return x\nodd.__name__ = 'a' * 101\nfacts(odd)"
    assert value(session, odd)[0] == "function"


def test_threads_may_call_a_function_of_the_test(session):
    cell(
        session,
        """
import asyncio, threading
from concurrent.futures import ThreadPoolExecutor
def pooled(f, n):
    with ThreadPoolExecutor(4) as pool: return list(pool.map(f, range(n)))
def both(f, n):
    with ThreadPoolExecutor(4) as pool:
        others = pool.map(f, range(n))
        mine = [f(i) for i in range(n)]
        return mine == list(others)
def awaited(f): return asyncio.run(asyncio.to_thread(f, 3))
def helper(x):
    with ThreadPoolExecutor(2) as pool: return sum(pool.map(lambda i: i * x, range(3)))
def fails(f):
    with ThreadPoolExecutor(2) as pool: return list(pool.map(f, [0]))
""",
    )
    assert value(session, "pooled(lambda i: i * i, 40)") == [i * i for i in range(40)]
    assert value(session, "both(lambda i: -i, 40)") is True
    assert value(session, "awaited(lambda i: i + 1)") == 4
    assert value(session, "pooled(helper, 3)") == [0, 3, 6]
    assert value(session, "pooled(lambda i: helper(i), 12)") == [3 * i for i in range(12)]
    assert value(session, "pooled(lambda i: pooled(helper, i)[-1] if i else 0, 5)") == [0, 0, 3, 6, 9]
    assert session.run_test("fails(lambda i: 1 // i)", 10).error.name == "ZeroDivisionError"


def test_a_thread_left_behind_is_told_so_and_changes_no_answer(session):
    cell(
        session,
        """
import threading, time
said, stop = [], []
def work(f):
    while not stop:
        try: f(1)
        except Exception as e: said.append(str(e)); time.sleep(0.01)
def leave(f):
    for _ in range(3): threading.Thread(target=work, args=[f], daemon=True).start()
    time.sleep(0.02)
    return "left"
def square(x): return x * x
def last(): return stop.append(1) or said
""",
    )
    assert value(session, "leave(lambda v: v)") == "left"
    assert [value(session, f"square({n})") for n in range(50)] == [n * n for n in range(50)]
    assert any(
        "after your function had returned: wait for your threads" in each for each in value(session, "last()")
    )
    assert not session.lost


def test_a_function_of_the_test_under_vmap_names_the_way_out(session):
    cell(session, "def mapped(f, x): return torch.vmap(f)(x)\ndef slope(f, x): return torch.func.grad(f)(x)")
    for source in ("mapped(lambda v: 2 * v, torch.ones(3))", "slope(lambda v: (v * v).sum(), torch.ones(3))"):
        error = session.run_test(source, 10).error
        assert "inside torch.func or vmap: call it with plain tensors" in error.message


def test_a_fork_cannot_call_a_function_of_the_test(session):
    cell(
        session,
        """
import os
def split(f):
    out, into = os.pipe()
    if not os.fork():
        try: f(1)
        except RuntimeError as e: os.write(into, str(e).encode())
        os._exit(0)
    os.wait()
    return os.read(out, 99).decode(), f(1)
""",
    )
    said, right = value(session, "split(lambda v: v)")
    assert right == 1
    assert "not from another process" in said


def test_threads_that_call_for_ever_are_stopped(start):
    session = start(grace=1)
    cell(
        session,
        """
from concurrent.futures import ThreadPoolExecutor
def endless(f):
    def work(i):
        while True: f(i)
    with ThreadPoolExecutor(3) as pool: return list(pool.map(work, range(3)))
""",
    )
    assert session.run_test("endless(lambda i: i)", 0.5).error.name == "TimeUp"
    assert value(session, "1") == 1


def test_slow_trusted_code_is_stopped_too(start):
    session = start(grace=0.2)
    run = session.run_test("while True: pass", 0.3)
    assert run.error.name == "TimeUp"
    assert value(session, "1") == 1


def test_a_slow_callback_is_stopped(start):
    session = start(grace=0.2)
    cell(session, "def apply(f): return f(1)")
    run = session.run_test("def spin(x):\n    while True: pass\napply(spin)", 0.3)
    assert run.error.name == "TimeUp"


def test_a_session_works_outside_the_main_thread(start):
    session, got = start("def plus(a): return a + 1"), []
    work = threading.Thread(target=lambda: got.append(session.run_test("plus(1)", 10).value))
    work.start()
    work.join()
    assert got == [2]


def test_death_during_a_test_loses_the_session(start):
    session = start()
    cell(session, "import os\ndef die(x): os._exit(0)")
    with pytest.raises(SessionLost, match="gone"):
        session.run_test("try:\n    die(1)\nexcept Exception:\n    pass\n5", 5)
    with pytest.raises(SessionLost):
        session.run_cell("1", 5)


# Calls both ways.


def test_callbacks_nest(session):
    cell(session, "def ping(f, n): return n if n == 0 else f(n - 1) + 1")
    assert value(session, "def pong(n): return ping(pong, n)\nping(pong, 4)") == 4
    run = session.run_test("def pong(n): return ping(pong, n)\nping(pong, 400)", 10)
    assert "nest deeper than" in run.error.message


def test_errors_cross_twice(session):
    cell(
        session,
        "def guard(f):\n    try:\n        return f()\n    except ZeroDivisionError as e:\n        return f'caught {e}'",
    )
    assert value(session, "guard(lambda: 1 / 0)") == "caught division by zero"
    cell(session, "def through(f): return f()")
    assert session.run_test("through(lambda: [][1])", 5).error.name == "IndexError"


def test_functions_given_away_are_taken_back_after_the_test(session):
    cell(session, "kept = []\ndef keep(f): kept.append(f); return f(1)\ndef later(): return kept[0](2)")
    assert value(session, "keep(lambda v: v * 10)") == 10
    assert "a test that is over" in session.run_test("later()", 5).error.message


def test_a_function_of_the_test_comes_back_as_itself(start):
    session = start("def same(f): return f\nclass Box:\n    def __init__(self, f): self.f = f")
    assert value(session, "def g(): pass\n(same(g) is g, Box(g).f is g, same(F.relu) is F.relu)")[:2] == (
        True,
        True,
    )


def test_the_same_object_is_the_same_handle(start):
    session = start("class A: pass\na = A()\ndef give(): return a\ndef give_both(): return [a, a]")
    assert value(session, "x, y = give_both(); (give() is x, x is y, x == y, x != y, x == 1, x in [y])") == (
        True, True, True, False, False, True,
    )  # fmt: skip


def test_objects_are_forgotten_when_the_test_holds_them_no_more(start):
    session = start(
        "class A: pass\ndef make(): return A()\ndef count():\n    import gc; return sum(type(o) is A for o in gc.get_objects())"
    )
    assert value(session, "for i in range(50): make()\ncount()") <= 2
    assert value(session, "held = [make() for i in range(50)]\ncount()") >= 50
    assert value(session, "del held\ncount()") <= 2


def test_too_large_a_result_is_an_error_not_the_end(start):
    session = start(
        "def big(n): return np.zeros(n)\ndef long(n): return list(range(n))", buffers=1 << 20, items=10_000
    )
    assert "too large to send" in session.run_test("big(10**6)", 5).error.message
    assert "more than 10000 items" in session.run_test("long(10**5)", 5).error.message
    assert value(session, "big(10).shape") == (10,)
    assert "too large to send" in session.run_test("big(np.zeros(10**6))", 5).error.message


def test_what_cannot_be_sent_is_named(session):
    cell(session, "def take(x): return x")
    assert (
        "cannot send an object of type Generator"
        in session.run_test("take(torch.Generator())", 5).error.message
    )


def test_changes_of_arguments_stay_over_there(session):
    cell(session, "def spoil(x, l, d): x.zero_(); l.clear(); d['a'] = 1; return 1")
    source = "x = torch.ones(2); l = [1]; d = {}\nspoil(x, l, d)\n(x.sum().item(), l, d)"
    assert value(session, source) == (2, [1], {})
    assert value(session, "# bridge: copy back\n" + source) == (0, [], {"a": 1})
    assert value(session, source, copy_back=True) == (0, [], {"a": 1})


SUBCLASSES = {
    "OrderedDict": ("collections.OrderedDict(a=1)", {"a": 1}),
    "Counter": ("collections.Counter('aab')", {"a": 2, "b": 1}),
    "defaultdict": ("collections.defaultdict(int, a=1)", {"a": 1}),
    "IntEnum": ("signal.SIGINT", 2),
    "named result": ("torch.max(torch.tensor([[1., 3.]]), 1)", (torch.tensor([3.0]), torch.tensor([1]))),
    "matrix": ("np.matrix([[1]])", [[1]]),
    "parameter without gradient": ("nn.Parameter(torch.ones(1), requires_grad=False)", torch.ones(1)),
}


@pytest.mark.parametrize("name", SUBCLASSES)
def test_library_subclasses_come_as_their_base(name, session):
    source, expected = SUBCLASSES[name]
    cell(session, f"import collections, signal\ngiven = {source}")
    got = value(session, "given")
    assert type(got) in (dict, int, tuple, torch.Tensor) or type(got).__name__ == "ndarray"
    assert str(got.tolist() if hasattr(got, "tolist") else got) == str(
        expected.tolist() if hasattr(expected, "tolist") else expected
    )


# Gradients.

NETS = """
class Line(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([2.0, -1.0]))
        self.b = nn.Parameter(torch.zeros(1))
        self.register_buffer("seen", torch.zeros(1))
    def forward(self, x):
        self.seen += 1
        return x @ self.w + self.b
def cube(x): return x ** 3
def two(x, y): return x * y, x + y
def lists(xs): return [x * 2 for x in xs]
def unused(x, y): return x * 1
def train_step(net, x, y, lr):
    loss = ((net(x) - y) ** 2).mean(); net.zero_grad(); loss.backward()
    with torch.no_grad():
        for p in net.parameters(): p -= lr * p.grad
    return loss.item()
def data_step(net):
    for p in net.parameters(): p.data -= 1.0
class Sgd:
    def __init__(self, params, lr): self.params, self.lr = list(params), lr
    def step(self):
        with torch.no_grad():
            for p in self.params: p -= self.lr * p.grad
    def zero_grad(self):
        for p in self.params: p.grad = None
def norm(net): return sum((p.grad ** 2).sum() for p in net.parameters()).sqrt().item()
def clip(net):
    for p in net.parameters(): p.grad.clamp_(-0.1, 0.1)
class Broken(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def backward(ctx, g): raise ValueError("no gradient today")
class Wrong(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x): return x * 2
    @staticmethod
    def backward(ctx, g): return g * 3
"""

GRADIENTS = {
    "chain through two calls": """
x = torch.tensor([1., 2.], requires_grad=True); cube(cube(x) * 2).sum().backward()
torch.testing.assert_close(x.grad, 8 * 9 * x.detach() ** 8)""",
    "two results of one call": """
x = torch.tensor(3., requires_grad=True); y = torch.tensor(5., requires_grad=True)
p, s = two(x, y); (p + 10 * s).backward(); assert (x.grad.item(), y.grad.item()) == (15, 13)""",
    "tensors in a list": """
xs = [torch.ones(2, requires_grad=True), torch.ones(3)]; a, b = lists(xs)
a.sum().backward(); assert xs[0].grad.tolist() == [2, 2] and not b.requires_grad""",
    "argument not used": """
x = torch.ones(2, requires_grad=True); y = torch.ones(2, requires_grad=True)
unused(x, y).sum().backward(); assert y.grad is None and x.grad.tolist() == [1, 1]""",
    "autograd.grad for input and parameters": """
net = Line(); x = torch.ones(3, 2, requires_grad=True); ps = list(net.parameters())
g = torch.autograd.grad(net(x).sum(), [x, *ps]); assert g[0].tolist() == [[2, -1]] * 3 and g[1].tolist() == [3, 3]""",
    "gradients collect and are zeroed": """
net = Line(); x = torch.ones(1, 2); w, b = net.parameters()
net(x).sum().backward(); net(x).sum().backward(); assert w.grad.tolist() == [2, 2]
net.zero_grad(); assert w.grad is None and list(net.parameters())[0].grad is None""",
    "no_grad": """
net = Line()
with torch.no_grad():
    assert not net(torch.ones(1, 2)).requires_grad
assert net(torch.ones(1, 2)).requires_grad""",
    "parameters changed here are changed there": """
net = Line(); w, b = net.parameters()
with torch.no_grad():
    w.copy_(torch.tensor([10., 20.])); b += 1
assert net(torch.ones(1, 2)).item() == 31""",
    "parameters changed there are changed here": """
net = Line(); w, b = net.parameters(); before = w.detach().clone(); x = torch.randn(8, 2)
train_step(net, x, x @ torch.tensor([3., 3.]), 0.1); assert not torch.equal(before, w) and w.grad is not None
torch.testing.assert_close(w, before - 0.1 * w.grad); data_step(net); assert torch.equal(list(net.parameters())[0], w)
assert w[0] < before[0] + 1""",
    "optimizer of the student steps on gradients made here": """
net = Line(); opt = Sgd(net.parameters(), 0.5); w, b = net.parameters(); before = w.detach().clone()
net(torch.ones(1, 2)).sum().backward(); opt.step(); torch.testing.assert_close(w, before - 0.5)
opt.zero_grad(); assert w.grad is None""",
    "gradients made here are seen there": """
net = Line(); w, b = net.parameters(); net(torch.ones(1, 2)).sum().backward()
assert abs(norm(net) - 3 ** 0.5) < 1e-6; clip(net); assert torch.allclose(w.grad, torch.tensor(0.1))""",
    "without ever touching the parameters": """
net = Line(); net(torch.ones(1, 2)).sum().backward(); assert net.w.grad.tolist() == [1, 1]""",
    "weight decay written in the test": """
net = Line(); w, b = net.parameters(); (net(torch.ones(1, 2)).sum() + (w ** 2).sum()).backward()
assert w.grad.tolist() == [5, -1]""",
    "buffers": "net = Line(); net(torch.ones(1, 2)); net(torch.ones(1, 2)); assert net.seen.item() == 2",
    "double precision gradcheck": """
x = torch.randn(4, dtype=torch.double, requires_grad=True); assert torch.autograd.gradcheck(cube, (x,))""",
    "complex": """
z = torch.tensor([1 + 2j], requires_grad=True); cube(z).abs().sum().backward(); assert z.grad.dtype == torch.complex64""",
    "a parameter sent back is the parameter": """
net = Line(); w, b = net.parameters(); y = cube(w); y.sum().backward(); assert w.grad.tolist() == [12, 3]""",
}  # fmt: skip


@pytest.fixture(scope="module")
def nets(start_shared):
    return start_shared(NETS)


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients(name, nets):
    run = nets.run_test(GRADIENTS[name], 20)
    assert run.error is None, f"{run.error}\n{run.error.trace}"


def test_a_failing_backward_of_the_student_is_its_error(nets):
    run = nets.run_test("x = torch.ones(2, requires_grad=True); Broken.apply(x).sum().backward()", 10)
    assert str(run.error) == "ValueError: no gradient today"


def test_gradcheck_finds_a_wrong_backward(nets):
    source = "x = torch.randn(3, dtype=torch.double, requires_grad=True)\ntorch.autograd.gradcheck(Wrong.apply, (x,))"
    assert "GradcheckError" in nets.run_test(source, 10).error.name


def test_twins_and_graphs_are_forgotten_after_the_test(start):
    nets = start(NETS)
    assert (
        value(
            nets,
            "net = Line(); [net(torch.ones(1, 2)) for _ in range(5)]; ps = list(net.parameters()); len(ps)",
        )
        == 2
    )
    value(nets, "del ps; 1")
    value(nets, "1")
    assert nets.peer.twins.by_number == {}


def test_a_networks_parameters_come_in_one_message(start):
    source = "import torch\nnet = torch.nn.Sequential(*[torch.nn.Linear(2, 2) for _ in range(10)])"
    session = start(source, setup="", messages=25)
    run = session.run_test(
        "a = list(net.parameters()); b = dict(net.named_parameters()); c = list(net.children())\n"
        "[len(a), sorted(b)[:2], len(c), b['0.weight'] is a[0]]",
        10,
    )
    assert run.value == [20, ["0.bias", "0.weight"], 10, True], run.error
