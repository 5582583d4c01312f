import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { projectRoot } from './run-directory.ts';

export const contractPath = join(projectRoot, 'contract');

/** Messages between server and worker, by the names of contract/schemas. */
type Message =
  | 'spec'
  | 'event'
  | 'result'
  | 'invoke-request'
  | 'invoke-load'
  | 'invoke-unload'
  | 'invoke-response'
  | 'invoke-error'
  | 'health';

const isDate = (text: string) => !Number.isNaN(Date.parse(text));
const schemas = new Ajv2020({ strict: false, allErrors: true, formats: { 'date-time': isDate } });
for (const name of readdirSync(join(contractPath, 'schemas')))
  schemas.addSchema(JSON.parse(readFileSync(join(contractPath, 'schemas', name), 'utf8')));

/** @throws AssertionError naming each member that breaks the contract */
export function assertKeepsContract(message: Message, value: unknown): void {
  const definition = message === 'health' ? message : /^invoke-(\w+)$/.exec(message)?.[1];
  const path = definition === undefined ? `${message}.schema.json` : `invoke.schema.json#/$defs/${definition}`;
  const validate = schemas.getSchema(`https://likeness.dev/contract/${path}`);
  assert.ok(validate, `there is no schema for ${message}`);
  assert.ok(validate(value), `${message}: ${schemas.errorsText(validate.errors)}`);
}

/** `event-step.json` holds an event, `invoke-request-colors.json` a request. */
export function messageOf(exampleFile: string): Message {
  const name = exampleFile.replace(/\.json$/, '');
  return (/^(spec|event|result|invoke-[a-z]+)/.exec(name)?.[1] ?? name) as Message;
}
