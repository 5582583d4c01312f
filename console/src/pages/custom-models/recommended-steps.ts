import limits from '../../../../contract/limits.json' with { type: 'json' };

/** The seed system's table of images and steps, with straight lines between its rows. */
export function recommendedSteps(images: number): number {
  const table = limits.recommendedSteps as [images: number, steps: number][];
  const after = table.findIndex(([count]) => images <= count);
  const [lowImages, lowSteps] = table[after < 0 ? table.length - 1 : after - 1] ?? [0, 0];
  const [highImages, highSteps] = (after < 0 ? undefined : table[after]) ?? [lowImages, lowSteps];
  const share = highImages === lowImages ? 0 : (images - lowImages) / (highImages - lowImages);
  return Math.max(
    limits.hyperParameters.stepCount.automaticMinimum,
    Math.round(lowSteps + share * (highSteps - lowSteps)),
  );
}
