/** JSON as people read it; a text that is none is shown as it is. */
export function JsonText({ text }: { text: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
    <pre className="code" tabIndex={0}>
      {indented(text)}
    </pre>
  );
}

export function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
