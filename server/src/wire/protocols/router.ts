import type { Contract, OperationShape } from '../contract.ts';
import { Refusal } from '../refusal.ts';

interface Route {
  operation: OperationShape;
  pattern: RegExp;
  labels: string[];
  fixedQuery: [name: string, value: string][];
  /** Literal characters: the most literal route wins, as Smithy's routing says. */
  weight: number;
}

/** Routes REST-JSON requests by the SDK's `http` traits, on the raw path: a percent-encoded ARN is one segment. */
export class Router {
  readonly #routes = new Map<string, Route[]>();

  constructor(contract: Contract) {
    for (const operation of contract.operations.values()) {
      if (!operation.http) continue;
      const { method, uri } = operation.http;
      const routes = this.#routes.get(method) ?? [];
      routes.push(routeOf(operation, uri));
      this.#routes.set(method, routes);
    }
    for (const routes of this.#routes.values()) routes.sort((a, b) => b.weight - a.weight);
  }

  /**
   * @param path raw, percent-encoded
   * @returns undefined where no operation has that method and path
   * @throws Refusal for a label that is not percent-encoded UTF-8
   */
  find(
    method: string,
    path: string,
    query: URLSearchParams,
  ): { operation: OperationShape; labels: Record<string, string> } | undefined {
    for (const route of this.#routes.get(method) ?? []) {
      const match = route.pattern.exec(path);
      if (!match) continue;
      if (route.fixedQuery.some(([name, value]) => !query.has(name) || (value !== '' && query.get(name) !== value)))
        continue;
      const labels: Record<string, string> = {};
      for (const [index, label] of route.labels.entries()) labels[label] = decode(match[index + 1] ?? '', label);
      return { operation: route.operation, labels };
    }
    return undefined;
  }
}

function routeOf(operation: OperationShape, uri: string): Route {
  const [path = '', query = ''] = uri.split('?');
  const labels: string[] = [];
  const pattern = path
    .replace(/[.*^$()|[\]\\]/g, '\\$&')
    .replace(/\{([^}+]+)(\+?)\}/g, (_, label: string, greedy: string) => {
      labels.push(label);
      return greedy ? '(.+)' : '([^/]+)';
    });
  const fixedQuery = [...new URLSearchParams(query)];
  const weight = path.replace(/\{[^}]+\}/g, '').length + (fixedQuery.length > 0 ? 100 : 0);
  return { operation, pattern: new RegExp(`^${pattern}/?$`), labels, fixedQuery, weight };
}

function decode(text: string, label: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Refusal(400, 'ValidationException', `${label} in the path must be percent-encoded UTF-8.`);
  }
}
