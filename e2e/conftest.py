"""What the end-to-end tests of all Python clients share."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_product import PROJECT, SAMPLE, Product, wait_for

STOP_SECONDS = 60


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The service on an empty folder and a free port; stopped as Ctrl-C stops it."""
    folder = Path(tempfile.mkdtemp(prefix="likeness-e2e-"))
    log = (folder / "log.txt").open("w")
    command = ["node", "server/likeness.js", "up", "--port", "0", "--data", str(folder / "data")]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "LIKENESS_"))}
    process = subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield wait_for(process, folder)
        process.send_signal(signal.SIGINT)
        assert process.wait(STOP_SECONDS) == 0, (folder / "log.txt").read_text()
        assert not (folder / "data" / "endpoint.json").exists(), "a stopped service leaves no endpoint behind"
    finally:
        if process.poll() is None:
            process.kill()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sample_images() -> list[tuple[Path, str]]:
    """Six captioned pictures: enough for a job, quick to prepare."""
    lines = [json.loads(line) for line in (SAMPLE / "captions.jsonl").read_text().splitlines()]
    chosen = lines[:3] + lines[-3:]
    return [(SAMPLE / line["image-ref"], line["caption"]) for line in chosen]
