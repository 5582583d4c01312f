"""python scripts/contact-sheet.py OUTPUT PICTURES PROMPT…: the demo's pictures, before over after, with their prompts.

PICTURES holds N-before.png and N-after.png for the Nth prompt, counted from 1.
"""

import sys
import textwrap
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

PICTURE = 320
GAP = 16
MARGIN = 40
LABEL_WIDTH = 104
CAPTION_HEIGHT = 64
BACKGROUND = (250, 250, 248)
INK = (28, 30, 33)
FAINT = (120, 124, 130)


def contact_sheet(pictures: Path, prompts: list[str]) -> Image.Image:
    """One column a prompt: the base model's picture above the custom model's."""
    width = 2 * MARGIN + LABEL_WIDTH + len(prompts) * (PICTURE + GAP) - GAP
    height = 2 * MARGIN + 2 * PICTURE + GAP + CAPTION_HEIGHT
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    label, caption = ImageFont.load_default(size=22), ImageFont.load_default(size=18)
    for row, name in enumerate(("before", "after")):
        top = MARGIN + row * (PICTURE + GAP)
        draw.text((MARGIN, top + PICTURE / 2), name, font=label, fill=INK if row else FAINT, anchor="lm")
        for column in range(len(prompts)):
            picture = Image.open(pictures / f"{column + 1}-{name}.png").convert("RGB")
            left = MARGIN + LABEL_WIDTH + column * (PICTURE + GAP)
            sheet.paste(picture.resize((PICTURE, PICTURE), Image.Resampling.LANCZOS), (left, top))
    for column, prompt in enumerate(prompts):
        left = MARGIN + LABEL_WIDTH + column * (PICTURE + GAP)
        top = MARGIN + 2 * (PICTURE + GAP)
        text = textwrap.fill(prompt, 34)
        draw.multiline_text((left + PICTURE / 2, top), text, font=caption, fill=INK, anchor="ma", align="center")
    return sheet


if __name__ == "__main__":
    output, pictures, *prompts = sys.argv[1:]
    contact_sheet(Path(pictures), prompts).save(output, optimize=True)
