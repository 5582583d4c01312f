"""The run directory: the whole contract between a training and the server (one writer per file).

    spec.json      read here, written by the server before the start
    events.jsonl   append only; a torn last line (a kill while writing) is cut off when the file is opened again
    stop           the server's wish, looked at once a step: "pause", or "stop" (also when empty)
    checkpoints/   step-000500/, complete only with a manifest.json whose sha256 sums hold
    cache/         latents and text states; removed when the run ends
    result.json    written and renamed last: its presence alone means that the attempt ended, and how

Nothing here is done until it is renamed: every file is written under a name ending in .tmp, flushed to the disk
and renamed, so that a SIGKILL at any moment leaves a directory from which the next attempt can go on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, cast

from likeness_worker import spec as contract

EVENT_BYTES = 8192
KEPT_CHECKPOINTS = 2
MANIFEST = "manifest.json"

StopWish = Literal["stop", "pause"]


class RunError(Exception):
    """Ends an attempt with a message for the user. It never holds a caption.

    :param user_error: the data or the request is at fault, and another attempt would fail in the same way.
    """

    def __init__(self, message: str, user_error: bool = False):
        super().__init__(message)
        self.user_error = user_error


def now() -> str:
    """UTC in the contract's form: 2026-11-23T01:00:05.123Z."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class EventLog:
    """events.jsonl, append only: each line whole in one write, at most 8 KiB, seq growing by one from 1."""

    def __init__(self, path: Path):
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        kept = path.read_bytes()
        kept = kept[: kept.rfind(b"\n") + 1]
        # The server reads up to the last newline, so it has never seen what is cut off here.
        os.ftruncate(self._file, len(kept))
        self._size = len(kept)
        self._seq = kept.count(b"\n")

    def append(self, event: contract.Event) -> None:
        """:raises OSError: the disk is full (ENOSPC) and so on; the file then ends with the previous line."""
        stamped = dataclasses.replace(event, seq=self._seq + 1, at=now())
        line = json.dumps(contract.write(stamped), ensure_ascii=False, allow_nan=False).encode() + b"\n"
        assert len(line) <= EVENT_BYTES, "an event line is at most 8 KiB"
        try:
            written = os.pwrite(self._file, line, self._size)
            if written != len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(line)
        self._seq += 1

    def warn(self, message: str) -> None:
        # 2,048 characters could be 8 KiB of UTF-8 by themselves; 1,900 leave room for the rest of the line.
        self.append(contract.WarningEvent(message=contract.shorten(message, 1900)))

    def close(self) -> None:
        os.close(self._file)


class RunDirectory:
    """Paths and atomic writes of one attempt. Relative paths of the spec are relative to this directory."""

    def __init__(self, path: Path):
        self.path = path.resolve()
        self.checkpoints = self.path / "checkpoints"
        self.cache = self.path / "cache"

    def read_spec(self) -> contract.TrainSpec:
        """:raises RunError: there is no readable spec.json, or it breaks the contract."""
        try:
            data: object = json.loads((self.path / "spec.json").read_bytes())
            return contract.read(contract.TrainSpec, data, "spec.json")
        except contract.ContractError as error:
            raise RunError(str(error), user_error=True) from None
        except ValueError as error:
            raise RunError(f"spec.json is not JSON: {type(error).__name__}", user_error=True) from None
        except OSError as error:
            raise RunError(f"spec.json cannot be read: {error.strerror}") from None

    def resolve(self, path: str) -> Path:
        return self.path / path

    def relative(self, path: Path) -> str:
        """The path as events and results name it: relative to the run directory where it lies in it."""
        return str(path.relative_to(self.path)) if path.is_relative_to(self.path) else str(path)

    def stop_wish(self) -> StopWish | None:
        """One look at the stop file: one system call where there is none."""
        try:
            wish = (self.path / "stop").read_text().strip()
        except OSError:
            return None
        return "pause" if wish == "pause" else "stop"

    def has_result(self) -> bool:
        return (self.path / "result.json").exists()

    def write_result(self, result: contract.Result) -> None:
        """Writes result.json, the last thing of an attempt. What only a running attempt needs is removed first,
        which also makes room for these few bytes on a full disk."""
        shutil.rmtree(self.cache, ignore_errors=True)
        for unfinished in self.checkpoints.glob("*.tmp"):
            shutil.rmtree(unfinished, ignore_errors=True)
        write_json(self.path / "result.json", contract.write(result))


def write_json(path: Path, value: object) -> None:
    """Writes JSON whole or not at all: .tmp, fsync, rename, fsync of the folder."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=False, allow_nan=False)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Makes the names inside the folder durable."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def sync_file(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_folder(path: Path, write_files: Callable[[Path], None]) -> list[contract.WeightFile]:
    """Writes a folder whole or not at all.

    :param write_files: writes its files (no subfolders) into the folder that it is given.
    :returns: name, sha256 and size of each file, by name.
    :raises OSError: the disk is full (ENOSPC) and so on; then no folder of this name is there.
    """
    temporary = path.with_name(path.name + ".tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    try:
        write_files(temporary)
        files: list[contract.WeightFile] = []
        for file in sorted(temporary.iterdir()):
            sync_file(file)
            files.append(contract.WeightFile(path=file.name, sha256=sha256_of(file), size_bytes=file.stat().st_size))
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    sync_folder(temporary)
    # Only an earlier run of this same attempt can have left a folder of this name.
    shutil.rmtree(path, ignore_errors=True)
    temporary.rename(path)
    sync_folder(path.parent)
    return files


def write_checkpoint(run: RunDirectory, step: int, write_files: Callable[[Path], None]) -> Path:
    """Writes checkpoints/step-NNNNNN with its manifest, then removes all but the newest KEPT_CHECKPOINTS.

    :param step: the number of finished steps.
    """

    def write_files_and_manifest(folder: Path) -> None:
        write_files(folder)
        sums = {file.name: sha256_of(file) for file in sorted(folder.iterdir())}
        for file in folder.iterdir():
            sync_file(file)
        write_json(folder / MANIFEST, {"v": 1, "step": step, "sha256": sums})

    path = run.checkpoints / f"step-{step:06d}"
    write_folder(path, write_files_and_manifest)
    complete = sorted(folder for folder in run.checkpoints.glob("step-*") if (folder / MANIFEST).exists())
    for old in complete[:-KEPT_CHECKPOINTS]:
        # The manifest goes first: a checkpoint that is being removed is no longer a complete one.
        with contextlib.suppress(OSError):
            (old / MANIFEST).unlink()
        shutil.rmtree(old, ignore_errors=True)
    return path


def verify_checkpoint(path: Path) -> None:
    """:raises RunError: the folder is no complete checkpoint, or a file's bytes are not those of its manifest."""
    try:
        manifest: object = json.loads((path / MANIFEST).read_bytes())
    except (OSError, ValueError):
        raise RunError(f"The checkpoint {path.name} has no readable {MANIFEST}: it is not complete.") from None
    sums = cast(dict[str, object], manifest).get("sha256") if isinstance(manifest, dict) else None
    if not isinstance(sums, dict) or not sums:
        raise RunError(f"The checkpoint {path.name} has a manifest without sums.")
    for name, expected in cast(dict[str, object], sums).items():
        file = path / name
        if not file.is_file() or sha256_of(file) != expected:
            raise RunError(f"The checkpoint {path.name} is damaged: {name} is not as its manifest says.")
