/** What brings a prompt nearer to a look, before a training is paid for. */

export interface Advice {
  text: string;
  /** The prompt and the negative prompt as they become with one click. */
  fix?: { prompt: string; negativePrompt: string };
}

const NEGATION = /[,;]?\s*\b(?:without(?: any| an?)?|no)\s+([\p{L}\p{N}-]+(?: [\p{L}\p{N}-]+)?)(?=[,.;]|$)/iu;
const FEW_WORDS = 5;

/** Phrases to add, by what they say. */
export const phrases: Readonly<Record<string, readonly string[]>> = {
  Style: ['photograph', 'watercolour', 'flat illustration', 'oil painting', '3D render', 'pencil sketch'],
  Light: ['soft morning light', 'golden hour', 'studio lighting', 'moonlight'],
  View: ['close-up portrait', 'full body', 'wide shot', 'from above'],
  Background: ['plain white background', 'blurred background', 'on a city street', 'in a forest'],
  Detail: ['highly detailed', 'sharp focus', 'simple shapes', 'vivid colours'],
};

/** @returns what to change, the most useful first */
export function adviceFor(prompt: string, negativePrompt: string): Advice[] {
  const found: Advice[] = [];
  const [whole = '', unwanted = ''] = NEGATION.exec(prompt) ?? [];
  if (unwanted !== '')
    found.push({
      text: `A model draws what it reads: “${unwanted}” is left out by the negative prompt.`,
      fix: { prompt: prompt.replace(whole, '').trim(), negativePrompt: withPhrase(negativePrompt, unwanted) },
    });
  const named = negativePrompt.replace(/(^|,\s*)(?:no|not|without)\s+/giu, '$1');
  if (named !== negativePrompt)
    found.push({
      text: 'A negative prompt names what is not wanted, without “no”.',
      fix: { prompt, negativePrompt: named },
    });
  const words = prompt.trim().split(/\s+/).length;
  if (prompt.trim() !== '' && words < FEW_WORDS)
    found.push({ text: 'Say what the subject does, where it is, the light and the style.' });
  return found;
}

export function withPhrase(text: string, phrase: string): string {
  const before = text.trim().replace(/,$/, '');
  return before === '' ? phrase : `${before}, ${phrase}`;
}
