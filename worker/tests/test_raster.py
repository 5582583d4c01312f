"""What pictures are counted with."""

import numpy as np
import pytest

from likeness_worker.raster import box_mean


@pytest.mark.parametrize("shape", [(40, 33), (7, 5), (1, 1), (40, 33, 3)])
@pytest.mark.parametrize("radius", [0, 1, 2, 3, 4, 7, 12, 24])
def test_a_box_mean_is_the_mean_of_the_box_with_its_edges_continued(shape: tuple[int, ...], radius: int) -> None:
    values = (np.random.default_rng(radius).random(shape) * 255).astype(np.float32)
    padding = [(radius, radius), (radius, radius), (0, 0)][: len(shape)]
    padded = np.pad(values.astype(np.float64), padding, mode="edge")
    boxes = np.lib.stride_tricks.sliding_window_view(padded, (2 * radius + 1, 2 * radius + 1), axis=(0, 1))
    np.testing.assert_allclose(box_mean(values, radius), boxes.mean((-1, -2)), atol=1e-3)


def test_a_box_mean_leaves_what_it_was_given_as_it_was() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    box_mean(values, 1)
    assert (values == np.arange(12).reshape(3, 4)).all()
