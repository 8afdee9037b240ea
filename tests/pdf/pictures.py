"""The pictures of docs/pdf.md: python tests/pdf/pictures.py docs/img"""

import base64
import importlib.util
import io
import json
import sys
from pathlib import Path

import pypdfium2
from PIL import Image, ImageChops

from labkit.pdf import render
from labkit.pdf.options import Options

spec = importlib.util.spec_from_file_location("pdf_conftest", Path(__file__).with_name("conftest.py"))
make = importlib.util.module_from_spec(spec)
sys.modules["pdf_conftest"] = make
spec.loader.exec_module(make)


def gradient(width=360, height=150):
    image = Image.linear_gradient("L").resize((width, height)).convert("RGB")
    out = io.BytesIO()
    image.save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()


def frame(columns, rows=3):
    head = "".join(f"<th>loss_{i}</th>" for i in range(columns))
    body = "".join(
        f"<tr><th>{r}</th>" + "".join(f"<td>{(r + 1) / (i + 2):.4f}</td>" for i in range(columns)) + "</tr>"
        for r in range(rows)
    )
    return f'<table class="dataframe"><thead><tr><th></th>{head}</tr></thead><tbody>{body}</tbody></table>'


TIMES = {"iopub.execute_input": "2026-03-01T10:00:00Z", "shell.execute_reply": "2026-03-01T10:01:12.5Z"}
LABKIT = {
    "lab": "01_convolution",
    "student": {"id": "s123", "name": "王小明"},
    "record": {
        "python": "3.12.3", "torch": "2.8.0", "labkit": "0.1.0", "device": "CPU, 8 cores",
        "where": "a notebook",
        "saved": "2026-03-01T23:51:07+08:00", "made": "2026-03-01T23:58:12+08:00",
    },
}  # fmt: skip
VIEW = "application/vnd.jupyter.widget-view+json"
STATE = {"application/vnd.jupyter.widget-state+json": {"state": make.SLIDER}}
ARRAYS = r"""
$$\begin{array}{|l|cc|} \hline & x & y \\ \hline a & 1 & 2 \\ b & 3 & 4 \\ \hline \end{array} \qquad
\left[\begin{array}{cc|c} 1 & 0 & 2 \\ \hline 0 & 1 & 3 \end{array}\right] \qquad
\genfrac{(}{)}{0pt}{}{n}{k}$$
"""
PICTURES = {
    "title": ([make.markdown("# Convolution\n\nA kernel slides over the image.")], {"labkit": LABKIT}),
    "markdown": (
        [
            make.markdown(
                "## Padding\n\nA *border* of zeros keeps the **size**: see "
                "[the guide](https://example.org/g) and `F.pad`.\n\n1. left and right\n"
                "2. top and bottom\n    - or each side for itself\n\n"
                "> A wise word.\n\n### In code\n\n```python\nx = F.pad(x, (1, 1, 2, 2))\n```"
            )
        ],
        {},
    ),
    "maths": ([make.markdown(make.MATHS.replace("# Stress 測試 of the *exporter*\n", "") + ARRAYS)], {}),
    "code": (
        [
            make.code(
                "def corr2d(x, k):\n    # the loop over every window\n"
                "    return torch.stack([(x[i : i + 3] * k).sum()"
                " for i in range(len(x) - 2) if x[i : i + 3].isfinite().all()])",
                nbgrader={"grade_id": "corr2d", "points": 4, "solution": True},
                count=7,
            ),
            make.code(
                "corr2d(x, k)",
                [make.display({"text/plain": "tensor([3., 5.])"}, None, "execute_result", 8)],
                8,
            ),
            {"cell_type": "raw", "metadata": {}, "source": "A raw cell is set as it is, without $maths$."},
        ],
        {},
    ),
    "tables": (
        [
            make.markdown("| layer | size |\n|:--|--:|\n| conv1 | 6 × 28 × 28 |\n| pool1 |"),
            make.code("losses", [make.display({"text/html": frame(24)})], 3),
        ],
        {},
    ),
    "outputs": (
        [
            make.code("train()", [make.stream("10%\r60%\r100% done\n"), make.stream("slow!\n", "stderr")], 4),
            make.code("print(log)", [make.stream("\n".join(f"step {i}" for i in range(900)))], 5),
            make.code(
                "1 / 0",
                [{"output_type": "error", "ename": "E", "evalue": "v", "traceback": make.TRACEBACK}],
                6,
            ),
        ],
        {},
    ),
    "pictures": (
        [
            make.code("plot.show(fig)", [make.display({"image/png": gradient()})], 9),
            make.code("drawing", [make.display({"image/svg+xml": make.DRAWING})], 10),
            make.markdown(
                "A pasted picture ![a plan](attachment:p.png), and one on the web: ![a map](https://example.org/map.png)",
                attachments={"p.png": {"image/png": make.png()}},
            ),
            make.code("animation", [make.display({"text/html": make.ANIMATION})], 11),
        ],
        {},
    ),
    "widgets": (
        [
            make.code("explore.window()", [make.display({VIEW: {"model_id": "box"}})], 11),
            make.code("lost()", [make.display({VIEW: {"model_id": "gone"}})], 12),
        ],
        {"widgets": STATE},
    ),
    "languages": (
        [
            make.markdown(
                "中文段落與 **粗體字**，日本語、한국어。\n\nשלום, a word and `code`.\n\nمرحبا بالعالم\n\n"
                "✅ done, ❌ not yet, 🎉 🚀 🧠, a flag 🇹🇼, a key 1\ufe0f\u20e3, 👩\u200d🔬, "
                "and a hidden turn: a\u202eb."
            )
        ],
        {},
    ),
    "marks": (
        [
            make.markdown(
                '<div class="alert alert-warning">Save before you hand in.</div>\n\n'
                "> [!NOTE]\n> An alert as on GitHub.\n\n- [x] read\n- [ ] run\n\n"
                "<details><summary>A hint</summary>\n\nCount the windows.\n\n</details>\n\n> Quoted.\n\n"
                "Footnote[^1], <kbd>Ctrl</kbd>+<kbd>S</kbd>.\n\n[^1]: As text."
            )
        ],
        {},
    ),
    "record": (
        [{**make.code("train(model)", count=12), "metadata": {"execution": TIMES}}],
        {"labkit": LABKIT},
    ),
}


def picture(name, cells, metadata, page=0):
    """Draw a page without its margins and its empty part."""
    data = make.notebook(*cells, **metadata)
    options = Options(fold=7) if name == "outputs" else None
    document = pypdfium2.PdfDocument(render(data, name=f"{name}.ipynb", options=options))
    image = (
        document[len(document) - 1 if name == "record" else page].render(scale=1.6).to_pil().convert("RGB")
    )
    width, height = image.size
    top = {"title": 0.03, "record": 0.06}.get(name, 0.13)
    image = image.crop((int(width * 0.04), int(height * top), int(width * 0.95), int(height * 0.94)))
    box = ImageChops.difference(image, Image.new("RGB", image.size, "white")).getbbox()
    image = image.crop((0, max(0, box[1] - 12), image.width, min(box[3] + 12, box[1] + 620)))
    return image.quantize(96)


if __name__ == "__main__":
    for name, (cells, metadata) in PICTURES.items():
        file = Path(sys.argv[1]) / f"pdf-{name}.png"
        picture(name, cells, metadata).save(file, optimize=True)
        print(json.dumps([str(file), file.stat().st_size]))
