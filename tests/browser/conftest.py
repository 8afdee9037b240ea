"""A real JupyterLab and browser: every wait is for a condition, with two minutes for a busy machine."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # every cell is in the page
}
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
SECONDS = 120


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless Chromium that is already on this machine; nothing is downloaded."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=SECONDS * 1000)
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=QUIET + sandbox, timeout=SECONDS * 1000
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A JupyterLab with settings and a home of its own: its address and its folder."""
    base = tmp_path_factory.mktemp("jupyter")
    (base / "labs").mkdir()
    (base / "settings").mkdir()
    (base / "settings/overrides.json").write_text(json.dumps(SETTINGS))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(base / "config"),
        "JUPYTER_DATA_DIR": str(base / "share"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(base),
    }
    environment.pop("XDG_CONFIG_HOME", None)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"),
        *("--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={base / 'labs'}"),
        *(f"--LabApp.app_settings_dir={base / 'settings'}", "--expose-app-in-browser"),
    ]
    with (base / "log").open("w") as log:
        server = subprocess.Popen(command, env=environment, cwd=base / "labs", stdout=log, stderr=log)
    address, deadline = f"http://127.0.0.1:{port}", time.monotonic() + SECONDS
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/api", timeout=SECONDS)
                break
            except OSError:
                assert server.poll() is None, (base / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, (base / "log").read_text()[-2000:]
                time.sleep(0.2)
        yield address, base / "labs"
    finally:
        server.terminate()
        try:
            server.wait(SECONDS)
        finally:
            server.kill()


@pytest.fixture
def opened(browser, jupyter: tuple[str, Path]) -> Iterator[Callable[..., object]]:
    """Open a notebook file of JupyterLab's folder as a page, and wait until it can be used."""
    address, _ = jupyter
    pages = []

    def open_page(name: str, **options):
        page = browser.new_page(**options)
        pages.append(page)
        page.set_default_timeout(SECONDS * 1000)
        page.goto(f"{address}/lab/tree/{name}?reset")
        ready(page)
        return page

    yield open_page
    for page in pages:
        page.close()


def ready(page) -> None:
    """Wait until JupyterLab takes keys and the notebook's kernel answers; before that, keys are lost."""
    page.wait_for_function("window.jupyterapp?.restored.then(() => true)")
    page.wait_for_function(  # the keys are bound when their settings have come
        "jupyterapp.commands.keyBindings.some(key => key.command == 'notebook:run-cell')"
    )
    page.wait_for_function("jupyterapp.shell.currentWidget?.sessionContext?.ready.then(() => true)")
    page.wait_for_function(
        """() => {
            const kernel = jupyterapp.shell.currentWidget.sessionContext.session?.kernel
            return kernel?.connectionStatus == 'connected' && kernel.status == 'idle'
        }"""
    )
    page.wait_for_selector(".jp-Notebook .jp-CodeCell")
