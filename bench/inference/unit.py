"""One model unit as the server starts it: the worker's process, its socket, and what it has used."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

WORKER = Path(__file__).resolve().parents[2] / "worker"
LOAD_SECONDS = 300


class Unit:
    """A context: the unit is ready inside, and gone afterwards."""

    def __init__(self, base: Path, adapters: dict[str, Path], precision: str):
        self._folder = tempfile.TemporaryDirectory(prefix="likeness-")
        self._socket = str(Path(self._folder.name) / "s")
        command = [sys.executable, "-m", "likeness_worker", "serve", "--base", str(base), "--socket", self._socket]
        command += ["--threads", "1", "--precision", precision]
        for name, folder in adapters.items():
            command += ["--adapter", f"{name}={folder}"]
        self._process = subprocess.Popen(command, cwd=WORKER, stdout=subprocess.DEVNULL)

    def __enter__(self) -> Unit:
        deadline = time.monotonic() + LOAD_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                status = self.call("GET", "/health")["status"]
            except OSError:
                status = "loading"
            if status == "ready":
                return self
            if status == "failed":
                break
            time.sleep(0.2)
        self.__exit__()
        raise SystemExit("the unit did not become ready")

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        self._folder.cleanup()

    def call(self, method: str, route: str, body: dict[str, object] | None = None) -> dict[str, object]:
        connection = http.client.HTTPConnection("worker")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self._socket)
        connection.request(method, route, json.dumps(body) if body else None)
        answer = json.loads(connection.getresponse().read())
        connection.close()
        if "error" in answer:
            raise SystemExit(f"the unit refused a request: {answer['error']}")
        return answer

    def invoke(self, adapter_id: str | None, text: str, seed: int, size: int) -> None:
        self.call("POST", "/invoke", {
            "v": 1, "requestId": "bench", "adapterId": adapter_id, "task": "TEXT_IMAGE", "text": text,
            "negativeText": None, "images": [], "similarityStrength": None, "mask": None, "outPaintingMode": None,
            "colors": [], "control": None, "numberOfImages": 1, "width": size, "height": size, "cfgScale": 8,
            "seed": seed, "quality": "standard",
        })  # fmt: skip

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def resident_mebibytes(self) -> float:
        return resident_mebibytes(self._process.pid)


def resident_mebibytes(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024
