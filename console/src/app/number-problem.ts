/** What is wrong with a number as it is typed; undefined where nothing is. */
export function numberProblem(
  text: string,
  {
    minimum,
    maximum,
    isWhole,
    multipleOf = 1,
  }: { minimum: number; maximum: number; isWhole: boolean; multipleOf?: number },
): string | undefined {
  const value = Number(text);
  if (!Number.isFinite(value) || text.trim() === '') return 'This is not a number.';
  if (isWhole && !Number.isInteger(value)) return 'This must be a whole number.';
  if (value < minimum)
    return `This must be ${minimum.toLocaleString(undefined, { maximumFractionDigits: 10 })} or more.`;
  if (value > maximum) return `This must be ${maximum.toLocaleString()} or less.`;
  if (isWhole && value % multipleOf !== 0) return `This must be a multiple of ${multipleOf}.`;
  return undefined;
}
