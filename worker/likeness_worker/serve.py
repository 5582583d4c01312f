"""Serving: HTTP/1.1 on a Unix socket (GET /health, POST /invoke), one thread that draws, requests queued to it;
POST /load and /unload change the adapters of a worker that several models share.

/health answers from the first moment, because nothing that takes time (torch included) is imported before the
socket listens. Requests that wait for the same adapter and shape are drawn together, in batches proven to leave
their pixels alone (engine.py). Prompts never reach a log: nothing of a request is printed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socketserver
import sys
import threading
import time
import traceback
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any

from likeness_worker import spec as contract
from likeness_worker.imports import without_collection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from likeness_worker.engine import Engine, Preparer
    from likeness_worker.tasks import Inputs, Plan

BODY_BYTES = 72 * 1024 * 1024  # a picture of 50 MiB in base64 is 70 MB
SOCKET_PATH_BYTES = 107  # sun_path of Linux, less its final zero
# Share of the last drawing's time that the next one may wait for requests that could be drawn with it.
GATHERING_SHARE = 0.05
ROUTES = "GET /health, POST /invoke, POST /load and POST /unload are all there is"
STATUS_CODES = {"invalid": 400, "notReady": 409, "internal": 500}


@dataclass(frozen=True)
class ServeOptions:
    base: Path
    socket: Path
    adapters: dict[str, Path]
    # Adapters may come later (POST /load), from folders below this one; None: those above are all.
    adapters_folder: Path | None
    full: Path | None
    threads: int | None
    device: str
    precision: str


@dataclass(eq=False)
class Job:
    """A request on its way through the queue. `done` is set once images or error is there. Equal to itself alone: its
    plan's tensors cannot be compared as one."""

    request: contract.InvokeRequest
    inputs: Inputs
    plan: Plan | None = None
    images: list[NDArray[np.uint8]] = field(default_factory=list["NDArray[np.uint8]"])
    error: contract.InvokeErrorBody | None = None
    done: threading.Event = field(default_factory=threading.Event)

    def fail(self, kind: contract.ErrorKind, message: str) -> None:
        self.error = contract.InvokeErrorBody(kind=kind, message=message)
        self.done.set()


class Model:
    """The engine behind a queue: loads it and draws in a thread of its own."""

    def __init__(self, options: ServeOptions):
        self._options = options
        self._waiting: deque[Job] = deque()
        self._changed = threading.Condition()
        self._draining = False
        self._engine: Engine | Preparer | None = None
        self._engine_in_use = threading.Lock()
        # Of the last drawing: its seconds, and how many requests were in it or waited when it ended.
        self._last_seconds, self._last_in_play = 0.0, 0
        self._message: str | None = None
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def health(self) -> contract.Health:
        engine = self._engine
        status: contract.HealthStatus = "failed" if self._message else "ready" if engine else "loading"
        return contract.Health(
            status=status,
            adapter_ids=engine.adapter_ids if engine else tuple(self._options.adapters),
            family=engine.family_name if engine else None,
            device=engine.device.type if engine else None,
            message=self._message,
        )

    def invoke(self, body: bytes) -> contract.InvokeResponse | contract.InvokeErrorBody:
        """Runs in the connection's thread: reads, queues, waits, and makes the PNGs."""
        start = time.monotonic()
        engine = self._engine
        if engine is None:
            message = self._message or "the model is still loading"
            return contract.InvokeErrorBody(kind="notReady", message=message)
        from likeness_worker import tasks

        try:
            request = contract.read(contract.InvokeRequest, _parse(body), "request")
            inputs = engine.read(request)
        except (contract.ContractError, tasks.InvalidRequest) as error:
            return contract.InvokeErrorBody(kind="invalid", message=str(error))
        job = Job(request, inputs)
        with self._changed:
            if self._draining:
                return contract.InvokeErrorBody(kind="notReady", message="the worker is stopping")
            self._waiting.append(job)
            self._changed.notify_all()
        job.done.wait()
        if job.error is not None:
            return job.error
        assert job.plan is not None
        outcome = job.plan.finish(job.images)
        return contract.InvokeResponse(
            images=tuple(tasks.encode_png(image) for image in outcome.images),
            mask_image=None if outcome.mask is None else tasks.encode_mask(outcome.mask),
            crop_box=outcome.crop_box,
            watermark=outcome.watermark,
            is_watermarked=outcome.is_watermarked,
            caption=outcome.caption,
            seconds=round(time.monotonic() - start, 3),
        )

    def load(self, body: bytes) -> contract.Health | contract.InvokeErrorBody:
        """Adds an adapter, or says why not; one that is loaded already stays as it is."""
        engine = self._engine
        if engine is None:
            return contract.InvokeErrorBody(kind="notReady", message=self._message or "the model is still loading")
        from likeness_worker.rundir import RunError

        try:
            request = contract.read(contract.LoadRequest, _parse(body), "request")
            folder = self._below_adapters_folder(request.folder)
            if request.adapter_id not in engine.adapter_ids:
                adapter = engine.read_adapter(request.adapter_id, folder)
                with self._engine_in_use:
                    engine.add_adapter(request.adapter_id, adapter)
        except (contract.ContractError, RunError) as error:
            return contract.InvokeErrorBody(kind="invalid", message=contract.shorten(str(error)))
        return self.health()

    def unload(self, body: bytes) -> contract.Health | contract.InvokeErrorBody:
        """Lets go of an adapter; the caller has no request for it in hand."""
        engine = self._engine
        if engine is None:
            return contract.InvokeErrorBody(kind="notReady", message=self._message or "the model is still loading")
        try:
            request = contract.read(contract.UnloadRequest, _parse(body), "request")
        except contract.ContractError as error:
            return contract.InvokeErrorBody(kind="invalid", message=str(error))
        with self._engine_in_use:
            engine.remove_adapter(request.adapter_id)
        return self.health()

    def _below_adapters_folder(self, folder: str) -> Path:
        root, path = self._options.adapters_folder, Path(folder).resolve()
        if root is None or root.resolve() not in path.parents:
            raise contract.ContractError("folder must lie below the worker's adapters folder")
        return path

    def drain(self) -> None:
        """Finishes what is being drawn, refuses what still waits, and ends the thread."""
        with self._changed:
            self._draining = True
            for job in self._waiting:
                job.fail("notReady", "the worker is stopping")
            self._waiting.clear()
            self._changed.notify_all()
        if self._engine is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            with without_collection():
                from likeness_worker.engine import load_engine

                self._engine = load_engine(self._options)
        except Exception as error:
            from likeness_worker.rundir import RunError

            if not isinstance(error, RunError):
                traceback.print_exc()
            self._message = contract.shorten(str(error) or type(error).__name__)
            return
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._draining)
                self._gather(self._engine)
                if self._draining:
                    return
                jobs = [self._waiting.popleft()]
            start = time.monotonic()
            self._draw(self._engine, jobs)
            self._last_seconds = time.monotonic() - start
            with self._changed:
                self._last_in_play = len(jobs) + len(self._waiting)

    def _gather(self, engine: Engine | Preparer) -> None:
        """Waits a moment for clients that were just answered and ask again: else one of them is for ever drawn alone,
        and the others while it waits. A lone client waits for nobody."""
        worth_waiting_for = min(engine.largest_batch, self._last_in_play)
        self._changed.wait_for(
            lambda: len(self._waiting) >= worth_waiting_for or self._draining, GATHERING_SHARE * self._last_seconds
        )

    def _draw(self, engine: Engine | Preparer, jobs: list[Job]) -> None:
        """Draws one job, and with it those waiting that share its adapter and shape."""
        first = jobs[0]
        try:
            with self._engine_in_use:
                first.plan = first.plan or engine.plan(first.request, first.inputs)
                if first.plan.drawings:
                    jobs += self._companions(engine, first, first.plan)
                drawings = [drawing for job in jobs if job.plan for drawing in job.plan.drawings]
                images = engine.draw(first.request.adapter_id, drawings)
                for job in jobs:
                    count = len(job.plan.drawings) if job.plan else 0
                    job.images, images = images[:count], images[count:]
                    self._finish(engine, job)
        except Exception as error:
            # The text may be anything, a prompt included, so only the type is told; the traceback shows our lines.
            traceback.print_tb(error.__traceback__)
            for job in jobs:
                if not job.done.is_set():
                    job.fail("internal", f"drawing failed: {type(error).__name__}")

    def _finish(self, engine: Engine | Preparer, job: Job) -> None:
        """Draws what a job's plan goes on with, if anything, and lets its answer go."""
        while job.plan and job.plan.then:
            job.plan = engine.go_on(job.request, job.plan, job.images)
            job.images = engine.draw(job.request.adapter_id, job.plan.drawings)
        job.done.set()

    def _companions(self, engine: Engine | Preparer, first: Job, plan: Plan) -> list[Job]:
        companions: list[Job] = []
        count = len(plan.drawings)
        room = -(-count // engine.largest_batch) * engine.largest_batch
        with self._changed:
            waiting = list(self._waiting)
        for job in waiting:
            if job.request.adapter_id != first.request.adapter_id:
                continue
            # No further batch: a request that is drawn waits for no other's second batch.
            if count + job.request.number_of_images > room:
                break
            job.plan = job.plan or engine.plan(job.request, job.inputs)
            drawings = job.plan.drawings
            if drawings and drawings[0].shape == plan.drawings[0].shape:
                companions.append(job)
                count += len(drawings)
        with self._changed:
            taken = [job for job in companions if job in self._waiting]
            for job in taken:
                self._waiting.remove(job)
        return taken


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Threads per connection over a Unix socket."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: Path, model: Model):
        self.model = model
        self.in_flight = 0
        self.idle = threading.Condition()
        super().__init__(str(path), Handler)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def do_GET(self) -> None:
        if self.path != "/health":
            self._refuse(404, ROUTES)
            return
        self._answer(200, self.server.model.health())

    def do_POST(self) -> None:
        model = self.server.model
        route = {"/invoke": model.invoke, "/load": model.load, "/unload": model.unload}.get(self.path)
        if route is None:
            self._refuse(404, ROUTES)
            return
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > BODY_BYTES:
            self.close_connection = True
            self._refuse(400, f"Content-Length is required, at most {BODY_BYTES}")
            return
        with self.server.idle:
            self.server.in_flight += 1
        try:
            answer = route(self.rfile.read(int(length)))
            if isinstance(answer, contract.InvokeErrorBody):
                self._answer(STATUS_CODES[answer.kind], contract.InvokeError(error=answer))
            else:
                self._answer(200, answer)
        finally:
            with self.server.idle:
                self.server.in_flight -= 1
                self.server.idle.notify_all()

    def _refuse(self, status: int, message: str) -> None:
        body = contract.InvokeErrorBody(kind="invalid", message=message)
        self._answer(status, contract.InvokeError(error=body))

    def _answer(self, status: int, message: object) -> None:
        body = json.dumps(contract.write(message)).encode()
        # The other side may have gone meanwhile; its images are lost, the worker goes on.
        with contextlib.suppress(ConnectionError):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: the server keeps its own access log."""

    def address_string(self) -> str:
        return "unix"  # a Unix socket's peer has no address


def serve(options: ServeOptions) -> int:
    """Serves until SIGTERM (or Ctrl-C), then finishes the request in hand.

    :returns: the exit status.
    """
    path = options.socket
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES:
        print(
            f"error: a Unix socket's path is at most {SOCKET_PATH_BYTES} bytes; shorten {path}",
            file=sys.stderr,
        )
        return 1
    stop = threading.Event()

    def ask_to_stop(signal_number: int, frame: object) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    model = Model(options)
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    try:
        server = Server(path, model)
    except OSError as error:
        print(f"error: cannot listen on {path}: {error.strerror}", file=sys.stderr)
        return 1
    path.chmod(0o600)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    model.start()
    stop.wait()
    model.drain()
    with server.idle:
        server.idle.wait_for(lambda: server.in_flight == 0)
    with contextlib.suppress(OSError):
        path.unlink()
    # Past what an orderly interpreter exit would wait for: daemon threads inside torch, a load half done.
    sys.stdout.flush()
    os._exit(0)


def _parse(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError:
        raise contract.ContractError("request is not JSON") from None
