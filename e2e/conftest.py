"""What the end-to-end tests of all Python clients share."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_product import SAMPLE, Product, running


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """The service on an empty folder and a free port; stopped as Ctrl-C stops it."""
    with running({}) as product:
        yield product


@pytest.fixture(scope="session")
def sample_images() -> list[tuple[Path, str]]:
    """Six captioned pictures: enough for a job, quick to prepare."""
    lines = [json.loads(line) for line in (SAMPLE / "captions.jsonl").read_text().splitlines()]
    chosen = lines[:3] + lines[-3:]
    return [(SAMPLE / line["image-ref"], line["caption"]) for line in chosen]
