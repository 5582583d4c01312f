/**
 * Some of the steps: the first, the last, and others evenly between. Those between stay the same while steps are added, until
 * every other one of them goes: what was loaded is not loaded again.
 * @param steps in order
 * @param most of them, 2 or more
 */
export function columnsOf(steps: readonly number[], most: number): readonly number[] {
  let stride = 1;
  while (Math.ceil(steps.length / stride) > (stride === 1 ? most : most - 1)) stride *= 2;
  return steps.filter((_, index) => index % stride === 0 || index === steps.length - 1);
}
