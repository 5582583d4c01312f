"""The loaded model that draws: its adapters, and the batch sizes at which a request's pixels cannot change.

"Same request, same pixels" (design §3.17): kernels may sum in another order for another batch size, so an image
drawn beside others could differ in its last bits from the same image drawn alone. So images go through the
denoiser in batches of fixed sizes only, and a size is used for a shape only after a proof: each product of such a
batch sums as it does alone (invariance.py), and every sample, at every position, came out bit for bit as it does
alone. Layers that sum otherwise compute a batch's samples one by one; a size that fails for other reasons is
not used; 1 always works.
"""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from likeness_worker import families
from likeness_worker.base_model import read_base_model
from likeness_worker.data import Size
from likeness_worker.diffusion import Steer, sample, trailing_path
from likeness_worker.drawing import predictor
from likeness_worker.families import Family
from likeness_worker.invariance import Call, Layer, differing, in_parts, layers_of, recorded
from likeness_worker.lora import Adapter, AdapterSwitch, read_adapter
from likeness_worker.preparer_folder import is_preparer, read_preparer
from likeness_worker.preparing import load_preparer
from likeness_worker.rundir import RunError
from likeness_worker.serve import ServeOptions
from likeness_worker.spec import InvokeRequest
from likeness_worker.tasks import (
    Drawing,
    Inputs,
    InvalidRequest,
    Plan,
    Shape,
    check_preparation,
    check_request,
    decode_inputs,
    drawn_size,
    plan_preparation,
    plan_request,
)
from likeness_worker.windows import join_windows

# And 1. A CPU draws 8 together no faster an image than 4 (measured: 13.2 and 14.3 ms a forward pass and sample).
BATCH_SIZES = {"cpu": (4, 2), "cuda": (8, 4, 2)}
# The empty text is in every guided request, and a client asks for one text with several seeds.
TEXTS_KEPT = 64


class Engine:
    """Used by one thread. Construction loads everything, proves the square size's batches, and draws an image.

    :raises RunError: a part or an adapter does not load.
    """

    def __init__(self, options: ServeOptions):
        start = time.monotonic()
        if options.threads is not None:
            torch.set_num_threads(options.threads)
        placement = families.choose_placement(options.device, options.precision)
        if placement.device.type == "cuda":
            # The same call may otherwise pick another algorithm from one run to the next.
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
            torch.use_deterministic_algorithms(True, warn_only=True)
            torch.backends.cudnn.benchmark = False
        self._batch_sizes = BATCH_SIZES[placement.device.type]
        self.largest_batch: int = self._batch_sizes[0]
        base = read_base_model(options.base)
        self.family: Family = families.load(base, placement, options.full)
        self.family.encode_text = functools.lru_cache(TEXTS_KEPT)(self.family.encode_text)
        denoiser = self.family.denoiser.eval()
        self._switch = AdapterSwitch(
            denoiser,
            {name: read_adapter(folder, denoiser, name) for name, folder in options.adapters.items()},
        )
        # Layers that compute a batch's samples one by one; None where the size may not be used.
        self._proven: dict[tuple[Shape, int], frozenset[Layer] | None] = {}
        self._alone: dict[Shape, tuple[list[Call], list[Tensor]]] = {}
        loaded = time.monotonic()
        self._warm_up()
        print(
            f"loaded {base.family} on {placement.device.type} in {placement.precision} "
            f"with {torch.get_num_threads()} threads in {loaded - start:.2f} s, "
            f"warmed up in {time.monotonic() - loaded:.2f} s, batch sizes {self.proven_sizes()}",
            flush=True,
        )

    @property
    def adapter_ids(self) -> tuple[str, ...]:
        return self._switch.ids

    @property
    def family_name(self) -> str:
        return self.family.base.family

    @property
    def device(self) -> torch.device:
        return self.family.placement.device

    def read(self, request: InvokeRequest) -> Inputs:
        """Checks a request and decodes its images; safe beside drawing. :raises InvalidRequest:"""
        check_request(request, self.adapter_ids, self.family)
        base = self.family.base
        return decode_inputs(request, drawn_size(base.resolution, base.size_multiple, request))

    def read_adapter(self, adapter_id: str, folder: Path) -> Adapter:
        """Safe beside drawing. :raises RunError: as lora.read_adapter."""
        return read_adapter(folder, self.family.denoiser, adapter_id)

    def add_adapter(self, adapter_id: str, adapter: Adapter) -> None:
        """Never beside drawing, nor remove_adapter."""
        self._switch.add(adapter_id, adapter)

    def remove_adapter(self, adapter_id: str) -> None:
        self._switch.remove(adapter_id)

    def plan(self, request: InvokeRequest, inputs: Inputs) -> Plan:
        # A prompted mask is read from the denoiser, and that of the request's own adapter.
        self._switch.activate(request.adapter_id)
        with torch.inference_mode():
            return plan_request(request, self.family, inputs)

    def go_on(self, request: InvokeRequest, plan: Plan, drawn: list[NDArray[np.uint8]]) -> Plan:
        """The plan that takes the place of one whose drawings are done; only where it has one."""
        assert plan.then is not None
        self._switch.activate(request.adapter_id)
        with torch.inference_mode():
            return plan.then(drawn)

    def draw(self, adapter_id: str | None, drawings: Sequence[Drawing]) -> list[NDArray[np.uint8]]:
        """Draws images, each [H, W, 3] at its shape.size; neighbours of one shape in the largest proven batches,
        without padding."""
        self._switch.activate(adapter_id)
        images: list[NDArray[np.uint8]] = []
        with torch.inference_mode():
            while len(images) < len(drawings):
                shape = drawings[len(images)].shape
                waiting = list(takewhile(lambda one, shape=shape: one.shape == shape, drawings[len(images) :]))
                size = self._batch_size(shape, len(waiting))
                for latents in self._denoise(waiting[:size]):
                    # One a call, for the same reason as the batch sizes' proof.
                    images.append(self.family.decode_latents(latents.unsqueeze(0))[0].numpy())
        return images

    def _batch_size(self, shape: Shape, wanted: int) -> int:
        return next((size for size in self._batch_sizes if size <= wanted and self._proof(shape, size) is not None), 1)

    def _denoise(self, drawings: Sequence[Drawing]) -> Tensor:
        """[B, C, H/8, W/8]: the sampler over one batch of a proven size."""
        one_by_one = self._proof(drawings[0].shape, len(drawings)) if len(drawings) > 1 else None
        with in_parts(one_by_one or (), len(drawings)):
            return self._denoise_together(drawings)

    def _denoise_together(self, drawings: Sequence[Drawing]) -> Tensor:
        family, shape = self.family, drawings[0].shape
        conditional = torch.stack([drawing.conditional for drawing in drawings])
        unconditional = torch.stack([drawing.unconditional for drawing in drawings])
        scale = torch.tensor([drawing.guidance for drawing in drawings])
        predict = predictor(family, conditional, unconditional if shape.guided else None, scale)
        x = torch.stack([drawing.start for drawing in drawings])
        steer = _steer_each(drawings) if shape.steered else None
        return sample(family.process, predict, x, shape.path, family.base.sampling.sampler, steer)

    def _proof(self, shape: Shape, size: int) -> frozenset[Layer] | None:
        """The layers that must compute one by one so that a batch of this size gives every one of its samples what it
        gets alone, or None if nothing does. Kernels depend on the shape and not on the step, so the noisiest is enough,
        with the last where guidance has stopped before it; and what steers an image sees that image alone."""
        noisiest = len(self.family.process.alpha) - 1
        stops = shape.guided and self.family.base.sampling.guidance_stop < 1
        path = (noisiest, 0) if stops else (noisiest,)
        probed = Shape(shape.size, shape.text_length, shape.guided, path)
        if (probed, size) not in self._proven:
            probes = self._probes(probed, max(self._batch_sizes))
            if probed not in self._alone:
                with recorded() as calls:
                    self._denoise_together(probes[:1])
                self._alone[probed] = calls, [self._denoise_together([probe])[0] for probe in probes]
            self._proven[probed, size] = self._prove(probes[:size], *self._alone[probed])
        return self._proven[probed, size]

    def _prove(
        self, probes: Sequence[Drawing], calls: Sequence[Call], alone: Sequence[Tensor]
    ) -> frozenset[Layer] | None:
        with recorded() as together:
            self._denoise_together(probes)
        pairs = differing(calls, together)
        layers = None if pairs is None else layers_of(self.family.denoiser, pairs)
        if layers is None:
            return None
        with in_parts(layers, len(probes)):
            return layers if all(map(torch.equal, self._denoise_together(probes), alone)) else None

    def _probes(self, shape: Shape, count: int) -> list[Drawing]:
        """Unlike samples of a shape: random latents, random text states."""
        family = self.family
        device, dtype = family.placement.device, family.placement.dtype
        generator = torch.Generator().manual_seed(0)
        size, scale = shape.size, family.latent_scale
        latents = (count, family.latent_channels, size.height // scale, size.width // scale)
        text = (count, shape.text_length, family.encode_text("").shape[-1])
        starts = torch.randn(latents, generator=generator).to(device)
        conditional, unconditional = (torch.randn(text, generator=generator).to(device, dtype) for _ in range(2))
        return [Drawing(shape, starts[i], conditional[i], unconditional[i], 1.0 + i) for i in range(count)]

    def _warm_up(self) -> None:
        """Proves the batch sizes of the commonest shape, and draws one real image from a text to its pixels."""
        family = self.family
        with torch.inference_mode():
            states = join_windows([family.encode_text("")], family.encode_text(""))[0]
            side = Size(family.base.resolution, family.base.resolution)
            positions = (side.width // family.latent_scale) ** 2
            path = trailing_path(family.process, family.base.sampling.steps, positions)
            for size in self._batch_sizes:
                self._proof(Shape(side, len(states), True, tuple(path)), size)
            short = Shape(side, len(states), True, tuple(trailing_path(family.process, 2, positions)))
            probe = self._probes(short, 1)[0]
        self.draw(None, [Drawing(short, probe.start, states, states, 4.0)])

    def proven_sizes(self) -> list[int]:
        """Sizes of batches that are used for one shape at least."""
        return [1, *sorted({size for (_, size), layers in self._proven.items() if layers is not None})]


class Preparer:
    """In an Engine's place: a captioning or segmentation folder, which draws nothing and has no adapters.

    :raises RunError: it does not load, or an adapter is asked for.
    """

    adapter_ids: tuple[str, ...] = ()
    largest_batch = 1

    def __init__(self, options: ServeOptions):
        if options.threads is not None:
            torch.set_num_threads(options.threads)
        if options.adapters or options.full is not None:
            raise RunError("A model that prepares pictures has no adapters.")
        folder = read_preparer(options.base)
        self.device = families.choose_placement(options.device, "float32").device
        self.family_name = folder.family
        self._task = folder.task
        self._captioner, self._finder = load_preparer(folder, self.device)

    def read(self, request: InvokeRequest) -> Inputs:
        """:raises InvalidRequest:"""
        if request.task != self._task or request.adapter_id is not None:
            raise InvalidRequest(f"task must be {self._task} and adapterId null: this model prepares pictures")
        check_preparation(request, self._captioner, self._finder)
        return decode_inputs(request, None)

    def plan(self, request: InvokeRequest, inputs: Inputs) -> Plan:
        return plan_preparation(request, self._captioner, self._finder, inputs.images[0])

    def draw(self, adapter_id: str | None, drawings: Sequence[Drawing]) -> list[NDArray[np.uint8]]:
        return []

    def go_on(self, request: InvokeRequest, plan: Plan, drawn: list[NDArray[np.uint8]]) -> Plan:
        """Never called: a preparation is one plan."""
        return plan

    def read_adapter(self, adapter_id: str, folder: Path) -> Adapter:
        raise RunError("A model that prepares pictures has no adapters.", user_error=True)

    def add_adapter(self, adapter_id: str, adapter: Adapter) -> None:
        """Never called: read_adapter gave none."""

    def remove_adapter(self, adapter_id: str) -> None:
        """There is none."""


def load_engine(options: ServeOptions) -> Engine | Preparer:
    """:raises RunError: a part or an adapter does not load."""
    return Preparer(options) if is_preparer(options.base) else Engine(options)


def _steer_each(drawings: Sequence[Drawing]) -> Steer:
    def steer(x0: Tensor, step: int) -> Tensor:
        pairs = zip(drawings, x0, strict=True)
        return torch.stack([drawing.steer(one, step) if drawing.steer else one for drawing, one in pairs])

    return steer
