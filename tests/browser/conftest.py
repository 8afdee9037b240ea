"""A real JupyterLab and a real browser."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
NO_NEWS = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False}}
QUIET = ["--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless Chromium that is already on this machine; nothing is downloaded."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=QUIET + sandbox)
        yield chromium
        chromium.close()


@pytest.fixture
def jupyter(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """Start a JupyterLab on a folder, with settings of its own; return its address."""
    with ExitStack() as stack:

        def start(folder: Path) -> str:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            private = {
                "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
                "JUPYTER_DATA_DIR": str(tmp_path / "share"),
                "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(tmp_path),
            }
            settings = tmp_path / "settings"
            settings.mkdir()
            (settings / "overrides.json").write_text(json.dumps(NO_NEWS))
            log = stack.enter_context((tmp_path / "jupyter.log").open("w"))
            server = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"),
                    *("--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={folder}"),
                    f"--LabApp.app_settings_dir={settings}",
                ],
                env=os.environ | private,
                cwd=folder,
                stdout=log,
                stderr=log,
            )
            stack.callback(server.wait, 20)
            stack.callback(server.terminate)
            address = f"http://127.0.0.1:{port}"
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{address}/api")
                    return address
                except OSError:
                    assert server.poll() is None, (tmp_path / "jupyter.log").read_text()[-2000:]
                    time.sleep(0.5)
            raise TimeoutError((tmp_path / "jupyter.log").read_text()[-2000:])

        yield start
