/** A price table: what one unit of usage costs. There is none until the installation has one. */
export interface Prices {
  /** As it is shown: `USD`. */
  currency: string;
  /** A price, or one for each variant; a dimension or variant without one is not priced. */
  imagesSeen?: number;
  modelStorageMonths?: number;
  imagesDrawn?: Readonly<Record<string, number>>;
  modelUnitHours?: Readonly<Record<string, number>>;
}

const VARIANTS = {
  imagesDrawn: ['512-standard', '512-premium', '1024-standard', '1024-premium'],
  modelUnitHours: ['none', 'OneMonth', 'SixMonths'],
} as const;
const PLAIN = ['imagesSeen', 'modelStorageMonths'] as const;

/** @returns null where there is no price for it: images drawn on units that were bought are paid with these */
export function costOf(
  prices: Prices | null,
  used: { dimension: keyof Omit<Prices, 'currency'>; variant: string; quantity: number },
): number | null {
  const price = prices?.[used.dimension];
  const one = typeof price === 'object' ? price[used.variant] : price;
  return one === undefined ? null : one * used.quantity;
}

/**
 * @param text JSON of a table
 * @throws Error with one line that names the member, the bound and the value
 */
export function parsePrices(text: string): Prices {
  let table: unknown;
  try {
    table = JSON.parse(text);
  } catch {
    throw new Error('it is no JSON.');
  }
  if (!isObject(table)) throw new Error('it must be a JSON object.');
  for (const name of Object.keys(table))
    if (name !== 'currency' && !isPlain(name) && !isVaried(name))
      throw new Error(
        `${name} is not a price; known are currency, ${[...PLAIN, ...Object.keys(VARIANTS)].join(', ')}.`,
      );
  const { currency } = table;
  if (typeof currency !== 'string' || !/^[A-Za-z]{1,12}$/.test(currency))
    throw new Error(`currency must be 1 to 12 letters; it is ${JSON.stringify(currency)}.`);
  for (const name of PLAIN) if (table[name] !== undefined) requirePrice(name, table[name]);
  for (const [name, variants] of Object.entries(VARIANTS)) {
    const prices = table[name];
    if (prices === undefined) continue;
    if (!isObject(prices)) throw new Error(`${name} must be an object with ${variants.join(', ')}.`);
    for (const [variant, price] of Object.entries(prices)) {
      if (!(variants as readonly string[]).includes(variant))
        throw new Error(`${name}.${variant} is not known; there are ${variants.join(', ')}.`);
      requirePrice(`${name}.${variant}`, price);
    }
  }
  return table as unknown as Prices;
}

function requirePrice(name: string, price: unknown): void {
  if (typeof price !== 'number' || !Number.isFinite(price) || price < 0)
    throw new Error(`${name} must be a number from 0 on; it is ${JSON.stringify(price)}.`);
}

function isPlain(name: string): boolean {
  return (PLAIN as readonly string[]).includes(name);
}

function isVaried(name: string): boolean {
  return Object.hasOwn(VARIANTS, name);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
