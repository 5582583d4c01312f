/** Where a statement begins and ends in the text of its policy, as AWS's simulator counts: columns after the brace. */
export interface StatementPosition {
  start: { line: number; column: number };
  end: { line: number; column: number };
}

/**
 * The positions of the statements of a policy that was read before, in their order.
 * @param text valid JSON: an object whose member Statement is an object or a list of objects
 */
export function statementPositions(text: string): StatementPosition[] {
  const positions: StatementPosition[] = [];
  const opened: { at: number; line: number; column: number }[] = [];
  let line = 1;
  let lineStart = 0;
  let member = '';
  // A statement lies at depth 2 by itself, at depth 3 in a list.
  const isStatement = (depth: number, list: boolean): boolean => member === 'Statement' && depth === (list ? 3 : 2);
  let inList = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '\n') {
      line++;
      lineStart = at + 1;
    } else if (character === '"') {
      const end = stringEnd(text, at);
      if (opened.length === 1 && /^\s*:/.test(text.slice(end + 1, end + 40)))
        member = JSON.parse(text.slice(at, end + 1));
      at = end;
    } else if (character === '{' || character === '[') {
      opened.push({ at, line, column: at - lineStart + 2 });
      if (opened.length === 2) inList = character === '[';
    } else if (character === '}' || character === ']') {
      if (character === '}' && isStatement(opened.length, inList)) {
        const { line: startLine, column } = opened.at(-1) ?? { line: 1, column: 1 };
        positions.push({ start: { line: startLine, column }, end: { line, column: at - lineStart + 2 } });
      }
      opened.pop();
    }
  }
  return positions;
}

/** Index of the quote that ends the string that begins at `start`. */
function stringEnd(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at;
}
