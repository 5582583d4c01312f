"""Bedrock has no waiters: every client polls."""

import time
from collections.abc import Callable

TIMEOUT_SECONDS = 420


def poll(read: Callable[[], str], while_in: set[str], seconds: float = TIMEOUT_SECONDS) -> list[str]:
    """Reads a status until it leaves `while_in`; answers the different ones seen, in order."""
    seen = [read()]
    deadline = time.monotonic() + seconds
    while seen[-1] in while_in:
        assert time.monotonic() < deadline, f"still {seen} after {seconds} s"
        time.sleep(0.5)
        status = read()
        if status != seen[-1]:
            seen.append(status)
    return seen
