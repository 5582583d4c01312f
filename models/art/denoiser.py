"""The denoiser and its training: v-prediction with zero-terminal SNR on cached latents, resumable at any step.

Salimans & Ho 2022, "Progressive Distillation" (v-prediction); Lin et al. 2023, "Common Diffusion Noise Schedules and
Sample Steps are Flawed" (zero-terminal SNR, trailing timesteps); Ho & Salimans 2022 (caption dropout for guidance).
"""

import copy
import math
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Event
from pathlib import Path

import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, multiprocessing, nn

from models.art import cache
from models.art.autoencoder import CHANNELS
from models.art.precision import autocast
from models.art.text_states import WIDTH, text_states

CAPTION_DROPOUT = 0.1
SECOND_WINDOW = 0.1  # share of batches with an empty second window, as a prompt of over 32 tokens will have
EMA_DECAY = 0.998
MAX_AHEAD = 8
STEP_LIMIT_SECONDS = 5.0  # a step that took longer was a pause (SIGSTOP): it does not age the learning rate


def scheduler() -> DDPMScheduler:
    """The noise schedule of training and sampling; alphas_cumprod ends at exactly 0."""
    return DDPMScheduler(
        num_train_timesteps=1000, beta_schedule="scaled_linear", prediction_type="v_prediction",
        rescale_betas_zero_snr=True, timestep_spacing="trailing", clip_sample=False,
    )  # fmt: skip


def new_unet() -> UNet2DConditionModel:
    """27 M parameters, attention at 8x8 and 4x4 only: 2.7 GFLOP for one 128 px picture."""
    return UNet2DConditionModel(
        sample_size=16, in_channels=CHANNELS, out_channels=CHANNELS, block_out_channels=(128, 256, 256), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH, attention_head_dim=32,
    )  # fmt: skip


def v_target(latents: Tensor, noise: Tensor, alpha_bar: Tensor) -> Tensor:
    """v = sqrt(alpha_bar) * noise - sqrt(1 - alpha_bar) * latents, all [n, c, h, w] but alpha_bar [n, 1, 1, 1]."""
    return alpha_bar.sqrt() * noise - (1 - alpha_bar).sqrt() * latents


def learning_rate(peak: float, step: int, progress: float, warmup: int = 200, hold: float = 0.5) -> float:
    """Linear warmup in steps, then constant until `hold` of the time given, then a cosine down to 2 % of the peak."""
    fall = max(0.0, min(1.0, (progress - hold) / (1 - hold)))
    return peak * min(1.0, (step + 1) / warmup) * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * fall)))


class Shards:
    """The cached scenes; new shards are taken up while training goes on."""

    def __init__(self, folder: Path, mean: Tensor, std: Tensor) -> None:
        self.folder, self.mean, self.std = folder, mean, std
        self.known: dict[Path, cache.Shard] = {}

    def refresh(self) -> None:
        for path in sorted(self.folder.glob("shard-*.pt")):
            if path not in self.known:
                self.known[path] = cache.load(path)

    def batch(self, size: int, rng: random.Random) -> tuple[Tensor, Tensor]:
        """Draw one batch of one frame shape: latents float32 [n, 16, h, w], normalised, and states [n, 32, 384]."""
        shards = list(self.known.values())
        shape = rng.choice(shards).latents.shape
        alike = [s for s in shards if s.latents.shape == shape]
        picks = [(rng.choice(alike), rng.randrange(shape[0])) for _ in range(size)]
        latents = torch.stack([s.latents[i] for s, i in picks]).float()
        return (latents - self.mean) / self.std, torch.stack([s.states[i] for s, i in picks])


@dataclass
class Settings:
    minutes: float
    batch: int = 32
    peak: float = 5e-4
    processes: int = 2
    save_every_seconds: float = 240


class Training:
    """The state that survives a stop: weights, their moving average, the optimiser, and what has been done."""

    def __init__(self, folder: Path, start: Path | None) -> None:
        self.folder = folder
        self.unet = (UNet2DConditionModel.from_pretrained(start) if start else new_unet()).to(
            memory_format=torch.channels_last
        )
        # Heads are 8 wide: PyTorch's fused attention spends half of a step on them, plain products a tenth.
        self.unet.set_attn_processor(AttnProcessor())
        self.ema = copy.deepcopy(self.unet).requires_grad_(False)
        self.optimizer = _optimizer(self.unet)
        self.done = {"steps": 0, "images": 0, "seconds": 0.0}
        if self.file.exists():
            state = torch.load(self.file, weights_only=True)
            self.unet.load_state_dict(state["unet"])
            self.ema.load_state_dict(state["ema"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.done = state["done"]

    @property
    def file(self) -> Path:
        return self.folder / "training.pt"

    def save(self) -> None:
        """Write everything to one file beside the old one, then swap: a kill never leaves half a state."""
        self.folder.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(f".{os.getpid()}")
        state = {
            "unet": self.unet.state_dict(),
            "ema": self.ema.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "done": self.done,
        }
        torch.save(state, part)
        part.rename(self.file)


def averaged(folder: Path) -> UNet2DConditionModel:
    """Return the moving average of the weights that a training folder holds, ready to draw with."""
    unet = new_unet()
    unet.load_state_dict(torch.load(folder / "training.pt", weights_only=True)["ema"])
    return unet.eval().to(memory_format=torch.channels_last)


@dataclass
class Shared:
    """What the training processes share: the weights themselves, how far process 0 is, and whether to stop."""

    unet: UNet2DConditionModel
    steps: Synchronized
    stop: Event


def train(folder: Path, shards: Path, mean: Tensor, std: Tensor, settings: Settings, start: Path | None = None) -> None:
    """Train until `settings.minutes` in all (earlier runs included) have passed, or SIGTERM asks for an end.

    Each process computes on one thread and updates the same weights without locks (Niu et al. 2011, "Hogwild!"):
    on cores shared with other work this is several times faster than one process of two threads, which wait for
    each other in every operator. One process alone is deterministic.
    """
    training = Training(folder, start)
    training.unet.share_memory()
    context = multiprocessing.get_context("spawn")
    shared = Shared(training.unet, context.Value("q", 0), context.Event())
    signal.signal(signal.SIGTERM, lambda *_: shared.stop.set())
    data = (shards, mean, std)
    helpers = [
        context.Process(
            target=_help,
            args=(rank, data, settings, shared, training.done, training.optimizer.state_dict()),
            daemon=True,
        )
        for rank in range(1, settings.processes)
    ]
    for helper in helpers:
        helper.start()
    _lead(training, Shards(*data), settings, shared)
    shared.stop.set()
    for helper in helpers:
        helper.join()
    training.save()


def _optimizer(unet: UNet2DConditionModel) -> torch.optim.AdamW:
    return torch.optim.AdamW(unet.parameters(), lr=0.0, betas=(0.9, 0.98), weight_decay=0.01, fused=True)


def _lead(training: Training, data: Shards, settings: Settings, shared: Shared) -> None:
    """Process 0: it trains, averages, reports and saves."""
    done, ema = training.done, training.ema
    step = _stepper(training.unet, training.optimizer, data, settings, seed=done["steps"])
    average, saved, reported, images = None, time.monotonic(), time.monotonic(), 0
    while done["seconds"] < settings.minutes * 60 and not shared.stop.is_set():
        began = time.monotonic()
        loss = step(done["steps"], done["seconds"] / (settings.minutes * 60))
        # The average follows closely at first: a fixed decay would hold on to the starting weights for too long.
        decay = min(EMA_DECAY, (1 + done["steps"]) / (10 + done["steps"]))
        with torch.no_grad():
            torch._foreach_lerp_(list(ema.parameters()), list(training.unet.parameters()), 1 - decay)
        average = loss if average is None else 0.99 * average + 0.01 * loss
        now = time.monotonic()
        done["steps"] += 1
        done["images"] += settings.batch * settings.processes
        done["seconds"] += min(now - began, STEP_LIMIT_SECONDS)
        shared.steps.value = done["steps"]
        images += settings.batch * settings.processes
        if now - reported > 30:
            print(
                f"step {done['steps']} images {done['images']} {done['seconds'] / 60:.1f} min loss {average:.4f} "
                f"lr {training.optimizer.param_groups[0]['lr']:.2e} {images / (now - reported):.1f} images/s, {len(data.known)} shards",
                flush=True,
            )  # fmt: skip
            reported, images = now, 0
            data.refresh()
        if now - saved > settings.save_every_seconds:
            training.save()
            saved = time.monotonic()


def _help(
    rank: int, data: tuple[Path, Tensor, Tensor], settings: Settings, shared: Shared, done: dict, state: dict
) -> None:
    """Process 1 and up: they train in step with process 0, at most MAX_AHEAD steps before it, so they rest when it does."""
    torch.set_num_threads(1)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    optimizer = _optimizer(shared.unet)
    optimizer.load_state_dict(state)
    step = _stepper(shared.unet, optimizer, Shards(*data), settings, seed=done["steps"] + 1_000_003 * rank)
    steps, began = done["steps"], time.monotonic()
    while not shared.stop.is_set() and os.getppid() != 1:
        if steps > max(shared.steps.value, done["steps"]) + MAX_AHEAD:
            time.sleep(0.05)
            continue
        step(steps, (done["seconds"] + time.monotonic() - began) / (settings.minutes * 60))
        steps += 1
        # One that fell behind takes the leader's count, so that it can never run ahead to catch up.
        steps = max(steps, shared.steps.value)


def _stepper(
    unet: UNet2DConditionModel, optimizer: torch.optim.AdamW, data: Shards, settings: Settings, seed: int
) -> Callable[[int, float], float]:
    """Return a function of (step, progress 0..1) that draws a batch, updates the weights and gives the loss."""
    torch.manual_seed(seed)
    rng = random.Random(seed)
    alphas_cumprod = scheduler().alphas_cumprod
    null = text_states([""])
    data.refresh()
    unet.train()

    def step(number: int, progress: float) -> float:
        if number % 100 == 0:
            data.refresh()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings.peak, number, progress)
        latents, states = data.batch(settings.batch, rng)
        states[torch.rand(len(states)) < CAPTION_DROPOUT] = null[0]
        if rng.random() < SECOND_WINDOW:
            states = torch.cat([states, null.expand(len(states), -1, -1)], dim=1)
        timesteps = torch.randint(0, 1000, (len(latents),))
        alpha_bar = alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        noise = torch.randn_like(latents)
        noisy = alpha_bar.sqrt() * latents + (1 - alpha_bar).sqrt() * noise
        with autocast():
            v = unet(noisy.contiguous(memory_format=torch.channels_last), timesteps, states).sample
        loss = nn.functional.mse_loss(v.float(), v_target(latents, noise, alpha_bar))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(unet.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return step
