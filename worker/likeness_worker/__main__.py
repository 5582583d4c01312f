"""The command line: train, serve, check, photographs."""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

M_ARENA_MAX = -8  # of mallopt, in malloc.h

DESCRIPTION = "Trains custom models and serves images: files in, files out (contract/schemas)."

EXAMPLES = """examples:
  python -m likeness_worker check --base models/art/weights
  python -m likeness_worker train --run-dir runs/a1b2c3d4e5f6/1
  python -m likeness_worker serve --base models/art/weights --socket /tmp/w.sock --adapter ron=./adapter
"""

TRAIN_EXAMPLES = """example:
  python -m likeness_worker train --run-dir runs/a1b2c3d4e5f6/1

It reads DIR/spec.json (contract/schemas/spec.schema.json), appends DIR/events.jsonl, and renames DIR/result.json
into place last. `echo stop > DIR/stop` ends it without weights; `echo pause > DIR/stop`, or SIGTERM, writes a
checkpoint first, and a new attempt goes on from it. Exit status: 0, or 1 when the attempt failed.
"""

SERVE_EXAMPLES = """examples:
  python -m likeness_worker serve --base models/art/weights --socket /tmp/w.sock --adapter ron=./adapter
  curl --unix-socket /tmp/w.sock http://worker/health
  curl --unix-socket /tmp/w.sock http://worker/invoke -d @contract/examples/invoke-request.json

GET /health answers at once: loading, then ready (a first small image was drawn) or failed. SIGTERM finishes the
request in hand and exits 0. The same request gives the same bytes, whatever runs beside it.
"""

CHECK_EXAMPLES = """example:
  python -m likeness_worker check --base ~/models/stable-diffusion-v1-5

Prints one JSON object about the base model, or one line saying why it cannot be used (exit status 1).
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """:returns: the exit status."""
    # Before anything imports transformers: the worker never reaches out, whatever the folder names.
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    # OpenMP's threads else spin at each barrier; where trainer and server share the cores, one that spins keeps the
    # one that it waits for from running (measured beside other work: 56 to 86 ms a forward pass, not 133 to 333).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TQDM_DISABLE", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    _share_one_heap()
    # transformers imports scipy where it finds it, for losses that are not used here. None makes it not found.
    sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]
    options = _parser().parse_args(arguments)
    return options.command(options)


def _share_one_heap() -> None:
    """Glibc gives each thread that answers a client a heap of its own, which keeps what its pictures took: 180 MiB of a
    unit's 530 after 16 clients. They take turns anyway, as Python has one lock."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("likeness_worker", description=DESCRIPTION, epilog=EXAMPLES, formatter_class=raw)
    commands = parser.add_subparsers(required=True, metavar="{train,serve,check,photographs}")

    train = commands.add_parser("train", help="run one training attempt", epilog=TRAIN_EXAMPLES, formatter_class=raw)
    train.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="the attempt's directory")
    _add_placement(train)
    train.set_defaults(command=_train)

    serve = commands.add_parser(
        "serve", help="serve a model over a Unix socket", epilog=SERVE_EXAMPLES, formatter_class=raw
    )
    serve.add_argument("--base", type=Path, required=True, metavar="DIR", help="the base model's folder")
    serve.add_argument("--socket", type=Path, required=True, metavar="PATH", help="where to listen (about 100 bytes)")
    serve.add_argument(
        "--adapter",
        action="append",
        default=[],
        type=_adapter,
        metavar="ID=DIR",
        help="a LoRA; may be repeated",
    )
    serve.add_argument(
        "--adapters-folder", type=Path, metavar="DIR", help="further LoRAs may be loaded from below it: POST /load"
    )
    serve.add_argument("--full", type=Path, metavar="DIR", help="a fully fine-tuned denoiser's folder")
    serve.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: PyTorch's choice)")
    _add_placement(serve)
    serve.set_defaults(command=_serve)

    check = commands.add_parser(
        "check",
        help="say what a base model, or one that prepares pictures, is, as JSON",
        epilog=CHECK_EXAMPLES,
        formatter_class=raw,
    )
    check.add_argument("--base", type=Path, required=True, metavar="DIR", help="the base model's folder")
    check.set_defaults(command=_check)

    photographs = commands.add_parser(
        "photographs",
        help="warn where pictures, a path a line on stdin, are photographs that a drawing model would draw",
    )
    photographs.set_defaults(command=_photographs)
    return parser


def _add_placement(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto")
    parser.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="default: bfloat16 where it is faster, else float32",
    )


def _adapter(text: str) -> tuple[str, Path]:
    adapter_id, separator, path = text.partition("=")
    if not (separator and adapter_id and path):
        raise argparse.ArgumentTypeError("must be ID=DIR")
    return adapter_id, Path(path)


def _train(options: argparse.Namespace) -> int:
    from likeness_worker.attempt import run_attempt
    from likeness_worker.imports import import_models

    return run_attempt(options.run_dir, options.device, options.precision, import_models)


def _photographs(_: argparse.Namespace) -> int:
    from likeness_worker.data import ImageError
    from likeness_worker.photographs import photographs_warning

    try:
        warning = photographs_warning([Path(line) for line in sys.stdin.read().splitlines()])
    except ImageError as error:
        print(f"A picture {error}.", file=sys.stderr)
        return 1
    if warning is not None:
        print(warning)
    return 0


def _serve(options: argparse.Namespace) -> int:
    from likeness_worker.serve import ServeOptions, serve

    return serve(
        ServeOptions(
            base=options.base,
            socket=options.socket,
            adapters=dict(options.adapter),
            adapters_folder=options.adapters_folder,
            full=options.full,
            threads=options.threads,
            device=options.device,
            precision=options.precision,
        )
    )


def _check(options: argparse.Namespace) -> int:
    from likeness_worker.base_model import describe, read_base_model
    from likeness_worker.preparer_folder import describe_preparer, is_preparer, read_preparer
    from likeness_worker.rundir import RunError

    try:
        if is_preparer(options.base):
            described = describe_preparer(read_preparer(options.base))
        else:
            described = describe(read_base_model(options.base))
        print(json.dumps(described))
    except RunError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
