"""Make the base model from nothing, or go on from where an earlier run stopped.

stages, in order:
  autoencoder  train the whole autoencoder on composed scenes (skipped where one is there)
  cache        compose scenes and store their latents and text states
  denoiser     train the denoiser; SIGTERM or the end of --minutes writes a state that the next run continues
  decoder      fine-tune the autoencoder's decoder alone
  export       write models/art/weights
  sample       write models/art/sample

It needs: npm install --prefix models/art/.build @iconify-json/fluent-emoji-flat; pip install -r models/art/requirements.txt

  python models/art/build.py                              everything, about 4 hours on two CPU cores
  python models/art/build.py denoiser export --minutes 60 train an hour (earlier runs count), write the weights
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import torch
from diffusers import AutoencoderDC, UNet2DConditionModel

from models.art import autoencoder, autoencoder_training, cache, denoiser, export, sample

HERE = Path(__file__).resolve().parent
STAGES = ("autoencoder", "cache", "denoiser", "decoder", "export", "sample")


def train_autoencoder(work: Path, arguments: argparse.Namespace) -> None:
    if not (work / "vae").exists():
        start = arguments.start / "vae" if arguments.start else None
        vae = autoencoder.load(start) if start else autoencoder.new()
        std = torch.ones(autoencoder.CHANNELS, 1, 1)
        autoencoder_training.train(vae, range(5), std, arguments.autoencoder_minutes, work / "vae", decoder_only=False)


def build_cache(work: Path, arguments: argparse.Namespace) -> None:
    cache.build(work / "cache", autoencoder.load(work / "vae"), range(arguments.shards))


def train_denoiser(work: Path, arguments: argparse.Namespace) -> None:
    mean, std = cache.statistics(work / "cache")
    torch.set_num_threads(1)
    settings = denoiser.Settings(arguments.minutes, processes=arguments.threads)
    denoiser.train(
        work / "denoiser", work / "cache", mean, std, settings, arguments.start / "unet" if arguments.start else None
    )


def train_decoder(work: Path, arguments: argparse.Namespace) -> None:
    _, std = cache.statistics(work / "cache")
    vae = autoencoder.load(work / "vae")
    autoencoder_training.train(vae, range(5), std, arguments.autoencoder_minutes, work / "vae", decoder_only=True)
    print(f"held-out scenes: {autoencoder_training.held_out_psnr(vae):.2f} dB")


def write_weights(work: Path, arguments: argparse.Namespace) -> None:
    unet: UNet2DConditionModel = denoiser.averaged(work / "denoiser").half()
    vae = AutoencoderDC.from_pretrained(work / "vae", torch_dtype=torch.float16)
    export.write(arguments.weights, unet, vae, *cache.statistics(work / "cache"))


def write_sample(work: Path, arguments: argparse.Namespace) -> None:
    sample.write(HERE / "sample", pixels=640)


RUN = {
    "autoencoder": train_autoencoder,
    "cache": build_cache,
    "denoiser": train_denoiser,
    "decoder": train_decoder,
    "export": write_weights,
    "sample": write_sample,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", choices=[*STAGES, []], default=list(STAGES), metavar="stage")
    parser.add_argument(
        "--work", type=Path, default=HERE / ".build", help="caches and training state (default models/art/.build)"
    )
    parser.add_argument("--weights", type=Path, default=HERE / "weights", help="where export writes")
    parser.add_argument(
        "--start", type=Path, help="weights folder to begin from (its unet and vae) where no state is there"
    )
    parser.add_argument("--minutes", type=float, default=180, help="denoiser training in all, earlier runs included")
    parser.add_argument("--autoencoder-minutes", type=float, default=20)
    parser.add_argument("--shards", type=int, default=18, help="thousands of scenes to cache")
    parser.add_argument(
        "--threads", type=int, default=2, help="cores to use; the denoiser trains with a process on each"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    for stage in (s for s in STAGES if s in arguments.stages):
        print(f"stage {stage}", flush=True)
        RUN[stage](arguments.work, arguments)


if __name__ == "__main__":
    main()
