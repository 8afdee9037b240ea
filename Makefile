# labkit. Every target sets itself up in .venv first; a second run finds it ready and does no set-up work.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.12 python3.11 python3.13 python3; do \
  $$p -c 'import sys; sys.exit(not (3,11) <= sys.version_info[:2] <= (3,13))' 2>/dev/null && echo $$p && break; done)
PY := .venv/bin/python
# The stamp knows its folder: a .venv that was copied or moved is made anew.
READY := .venv/.ready-$(shell pwd | cksum | cut -d' ' -f1)
PIP := $(PY) -m pip --disable-pip-version-check $(shell [ -t 1 ] || echo --quiet) install -c constraints.txt
export PATH := $(shell pwd)/.venv/bin:$(PATH)

.PHONY: help setup demo test lab release bench bench-train bench-grading bench-cluster bench-kill bench-roads bench-pdf constraints clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */  make \1\t/' | expand -t 22
	@echo "  CPU-only PyTorch:   make demo TORCH_INDEX=<the CPU index address shown on pytorch.org/get-started/locally>"

setup: $(READY)  ## install everything into .venv (once)

$(READY): pyproject.toml constraints.txt
	@if [ -z "$(PYTHON)" ]; then echo "labkit needs Python 3.11, 3.12 or 3.13: install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3.12" >&2; exit 1; fi
	@echo "Setting up .venv with $$($(PYTHON) --version). Once only."
	@if [ -n "$(TORCH_INDEX)" ]; then echo "PyTorch comes from $(TORCH_INDEX)."; \
	 else echo "On Linux this downloads about 3 GB and takes 7 GB of disk (PyTorch with its GPU libraries): 2 to 15 minutes."; \
	 echo "No GPU? Stop with Ctrl-C and run: make $(or $(MAKECMDGOALS),setup) TORCH_INDEX=<the CPU index address shown on pytorch.org/get-started/locally> (about 1 GB)."; fi
	@start=$$SECONDS; rm -f .venv/.ready-*; \
	 $(PYTHON) -m venv --clear .venv && \
	 { [ -z "$(TORCH_INDEX)" ] || $(PIP) torch torchvision --index-url "$(TORCH_INDEX)"; } && \
	 $(PIP) -e ".[dev]" && \
	 touch "$@" && echo "Set up in $$((SECONDS - start)) s."

demo: $(READY)  ## a made-up class of 12 hands in, is graded, gets feedback (about 4 minutes)
	@$(PY) -m labgrader demo

test: $(READY)  ## format, lint, types, released notebooks, tests (11 to 15 minutes on two cores)
	@echo "1/4 ruff and codespell"; $(PY) -m ruff format --check -q . && $(PY) -m ruff check -q . && .venv/bin/codespell
	@echo "2/4 mypy"; $(PY) -m mypy
	@echo "3/4 notebooks are what the masters give"; $(PY) -m labgrader release --check --course grading
	@echo "4/4 pytest"; $(PY) -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder --max-worker-restart=0 --durations=10

lab: $(READY)  ## open the labs in JupyterLab
	@.venv/bin/jupyter lab notebooks

release: $(READY)  ## rebuild notebooks/ from grading/masters
	@$(PY) -m labgrader release --course grading

bench: $(READY)  ## measure what must be fast
	@for b in $(filter-out bench/bench_train.py,$(wildcard bench/bench_*.py)); do echo "== $$b"; $(PY) "$$b"; done

bench-train: $(READY)  ## training on CIFAR-10 against the introductory tutorial (half an hour; needs labkit data cifar10)
	@$(PY) bench/bench_train.py && $(PY) bench/bench_train.py --sweep --seeds 3 && $(PY) bench/bench_train.py --to 0.80 --seeds 3

bench-pdf: $(READY)  ## our PDF engine against nbconvert's webpdf and latex, A B A B
	@$(PY) bench/bench_pdf.py

bench-grading: $(READY)  ## a class of 30 against stock nbgrader (about 20 minutes)
	@$(PY) bench/bench_grading.py

bench-cluster: $(READY)  ## 1,000 small submissions on Dask: 2 workers against 1 (about 20 minutes)
	@$(PY) bench/bench_cluster.py

bench-roads: $(READY)  ## the class of make demo graded by nbgrader autograde, one and two processes, Dask (about 10 minutes)
	@$(PY) bench/four_roads.py

bench-kill: $(READY)  ## grading killed with SIGKILL at 50 random instants, and finished (15 minutes or more)
	@$(PY) bench/kill_runs.py --instants 50

constraints: $(READY)  ## write the installed versions to constraints.txt
	@{ head -1 constraints.txt; $(PY) -m pip freeze --exclude-editable; } > .venv/constraints.new && mv .venv/constraints.new constraints.txt

clean:  ## remove .venv and everything built
	rm -rf .venv build .pytest_cache .mypy_cache .ruff_cache .hypothesis grading/demo-course
