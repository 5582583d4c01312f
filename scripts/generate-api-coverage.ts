// Writes docs/api-coverage.md: every operation of each service, whether it is built, and which tests name it.
//
//     node scripts/generate-api-coverage.ts [--check]
//
// What is built is read from the service tables themselves. A test counts for an operation where it names it: in the wire
// tests, where it imports the operation's command from the SDK's client of that service; in boto3's, where it calls the
// method of the operation. Tests that go over all operations (access-matrix, operation-inputs) count for none.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBedrockService } from '../server/src/services/bedrock/service.ts';
import { refusedOperations } from '../server/src/services/bedrock-runtime/refused.ts';
import { createBedrockRuntimeService } from '../server/src/services/bedrock-runtime/service.ts';
import { createIamService } from '../server/src/services/iam/service.ts';
import { createKmsService } from '../server/src/services/kms/service.ts';
import { createS3Service } from '../server/src/services/s3/service.ts';
import { createStsService } from '../server/src/services/sts/service.ts';
import { loadContract, type OperationShape, type ServiceName } from '../server/src/wire/contract.ts';
import { previewRuntimeOperations } from '../server/src/wire/preview-operations.ts';
import { projectRoot } from './setup/process.mjs';

const TARGET = 'docs/api-coverage.md';
// What a table is made with is not asked for until an operation runs.
const nothing = {} as never;
const SERVICES: Record<ServiceName, { title: string; operations: object; variables: RegExp }> = {
  bedrock: { title: 'Amazon Bedrock', operations: createBedrockService(nothing).operations, variables: /^bedrock$/ },
  'bedrock-runtime': {
    title: 'Amazon Bedrock Runtime',
    operations: createBedrockRuntimeService(nothing).operations,
    variables: /runtime/,
  },
  s3: { title: 'Amazon S3', operations: createS3Service(nothing).operations, variables: /s3/ },
  iam: { title: 'AWS IAM', operations: createIamService(nothing).operations, variables: /iam/ },
  sts: { title: 'AWS STS', operations: createStsService(nothing).operations, variables: /sts/ },
  kms: { title: 'AWS KMS', operations: createKmsService(nothing).operations, variables: /kms/ },
};
const REFUSED = new Set(Object.keys(refusedOperations(nothing)));
const contracts = new Map(
  (Object.keys(SERVICES) as ServiceName[]).map(service => [service, loadContract(service).operations]),
);

function sources(pattern: string): string[] {
  const paths = globSync(pattern, { cwd: projectRoot }).toSorted();
  return paths
    .filter(path => !/(access-matrix|operation-inputs)\.test\.ts$/.test(path))
    .map(path => readFileSync(join(projectRoot, path), 'utf8'));
}

/** `service/Operation` of every command that a source takes from an SDK client: by name, or through the whole module. */
export function commandsIn(source: string): Set<string> {
  const found = new Set<string>();
  for (const [, names = '', service] of source.matchAll(/import \{([^}]*)\} from '@aws-sdk\/client-([a-z0-9-]+)'/g))
    for (const [, operation] of names.matchAll(/(?<!type )\b([A-Z]\w*)Command\b/g))
      found.add(`${service}/${operation}`);
  for (const [, name, service] of source.matchAll(/import \* as (\w+) from '@aws-sdk\/client-([a-z0-9-]+)'/g))
    for (const [, operation] of source.matchAll(new RegExp(`\\b${name}\\.([A-Z]\\w*)Command\\b`, 'g')))
      found.add(`${service}/${operation}`);
  return found;
}

/** `service/Operation` of every method that a Python source calls on a client, or asks a paginator or URL of. */
export function methodsIn(source: string): Set<string> {
  const found = new Set<string>();
  const calls = source.matchAll(/(\w+)(?:\(["'][\w-]+["']\))?\.(?:get_paginator\(\s*"(\w+)"|(\w+)\()/g);
  for (const [, receiver = '', paged, called] of calls)
    for (const [service, { variables }] of Object.entries(SERVICES)) {
      const operation = [...(contracts.get(service as ServiceName)?.keys() ?? [])].find(
        name => methodName(name) === (paged ?? called),
      );
      if (operation && (variables.test(receiver) || isAlone(operation))) found.add(`${service}/${operation}`);
    }
  return found;
}

/** boto3's name of an operation, as botocore makes it. */
export function methodName(operation: string): string {
  return operation
    .replace(/(.)([A-Z][a-z]+)/g, '$1_$2')
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toLowerCase();
}

function isAlone(operation: string): boolean {
  return [...contracts.values()].filter(operations => operations.has(operation)).length === 1;
}

const wireSources = sources('server/test/wire/*.ts');
const pythonSources = [...sources('e2e/boto3/*.py'), ...sources('e2e/*.py')];
const byWire = new Set(wireSources.flatMap(source => [...commandsIn(source)]));
const byBoto3 = new Set(pythonSources.flatMap(source => [...methodsIn(source)]));

function row(service: ServiceName, { name, http }: OperationShape): string[] {
  const built = Object.hasOwn(SERVICES[service].operations, name);
  const state = !built ? 'refused by name' : service === 'bedrock-runtime' && REFUSED.has(name) ? 'refused' : 'yes';
  // No client has what only a preview had: its tests send the request by hand.
  const uri = `${name}$` in previewRuntimeOperations ? http?.uri : undefined;
  const named = (sent: Set<string>, texts: readonly string[]) =>
    sent.has(`${service}/${name}`) || (uri !== undefined && texts.some(text => text.includes(uri)));
  return [name, state, named(byWire, wireSources) ? 'yes' : '', named(byBoto3, pythonSources) ? 'yes' : ''];
}

function generate(): string {
  const totals: string[] = [];
  const tables: string[] = [];
  for (const service of Object.keys(SERVICES) as ServiceName[]) {
    const { title } = SERVICES[service];
    const operations = [...(contracts.get(service)?.values() ?? [])].toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const rows = operations.map(operation => row(service, operation));
    const answering = rows.filter(([, state]) => state === 'yes');
    const tested = (column: number) => answering.filter(cells => cells[column] === 'yes').length;
    totals.push(
      `| [${title}](#${title.toLowerCase().replaceAll(' ', '-')}) | ${rows.length} | ${answering.length} | ${tested(2)} | ${tested(3)} |`,
    );
    const lines = rows.map(cells => `| ${cells.join(' | ')} |`);
    tables.push(
      [`## ${title}`, '| operation | answers | wire test | boto3 |', '|---|---|---|---|', ...lines].join('\n'),
    );
  }
  return `# Which operations answer

Made by \`scripts/generate-api-coverage.ts\` from the service tables and the tests; \`npm run check\` holds it to them.

- **answers** — \`yes\`; \`refused\`: an entry of its own says in a modelled error why an image model has no such thing; \`refused by
  name\`: AWS's SDK knows it and this server answers that it is not implemented.
- **wire test** — a test under \`server/test/wire\` names its command of the AWS SDK for JavaScript v3.
- **boto3** — a test under \`e2e/boto3\` calls its method.

Two tests beside these send every operation that answers: \`access-matrix\` asks each of strangers, \`operation-inputs\` feeds each
inputs on both sides of its bounds. They count for none here.

| service | operations | answer | of these, wire-tested | by boto3 |
|---|---|---|---|---|
${totals.join('\n')}

${tables.join('\n\n')}
`;
}

if (import.meta.main) {
  const text = generate();
  const path = join(projectRoot, TARGET);
  if (!process.argv.includes('--check')) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`${TARGET} is stale: run node scripts/generate-api-coverage.ts.`);
    process.exitCode = 1;
  }
}
