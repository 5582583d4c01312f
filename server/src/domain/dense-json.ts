/** Far more members and items than any request for a drawing has. Two prompts full of commas are a thousand, base64 has none. */
export const MOST_MARKS = 10_000;

/** Whether JSON would take seconds to parse, in which nobody else is answered: 20 MB of brackets take three. */
export function isDense(text: string): boolean {
  let count = 0;
  for (const mark of '[{,')
    for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + 1)) {
      count += 1;
      if (count > MOST_MARKS) return true;
    }
  return false;
}
