/** The request of the page as code that a person runs: AWS CLI, Python, JavaScript. */

/** A picture that the code reads from a file of this name beside it. */
export class PictureFile {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

export interface ApiRequest {
  endpoint: string;
  region: string;
  modelId: string;
  /** With `PictureFile`s in the place of base64. */
  body: Record<string, unknown>;
}

/** What prints the installation's keys, typed where the service is installed, whatever its data folder is called. */
export function keysCommand(dataFolder: string): string {
  const quoted = /^[\w./~-]+$/.test(dataFolder) ? dataFolder : `'${dataFolder.replaceAll("'", `'\\''`)}'`;
  return `npx --no-install likeness env --data ${quoted}`;
}

/** Shell: writes request.json, calls, and writes the pictures. Pictures go in through base64. `fileb` is read alike by both versions of the CLI. */
export function commandLine({ endpoint, region, modelId, body }: ApiRequest): string {
  const json = literal(body, { picture: name => `"\0${name}\0"`, words: ['true', 'false', 'null'] });
  const hasPictures = json.includes('\0');
  // With pictures the shell must read the text; then nothing of a prompt may mean something to it. JSON
  // escapes a NUL, so no prompt can hold the marks.
  const text = hasPictures
    ? json.replaceAll(/[\\`$]/g, '\\$&').replaceAll(/\0(.*?)\0/g, "$(base64 < '$1' | tr -d '\\n')")
    : json;
  return `cat > request.json <<${hasPictures ? 'EOF' : "'EOF'"}
${text}
EOF
aws bedrock-runtime invoke-model --endpoint-url ${endpoint} --region ${region} \\
  --model-id '${modelId}' --body fileb://request.json answer.json
python3 -c 'import base64, json
for number, image in enumerate(json.load(open("answer.json"))["images"]):
    open(f"image-{number}.png", "wb").write(base64.b64decode(image))'
`;
}

export function python({ endpoint, region, modelId, body }: ApiRequest): string {
  const reader = `

def picture(name):
    with open(name, "rb") as file:
        return base64.b64encode(file.read()).decode()

`;
  return `import base64
import json

import boto3
${holdsPicture(body) ? reader : ''}
runtime = boto3.client("bedrock-runtime", endpoint_url="${endpoint}", region_name="${region}")
body = ${literal(body, { picture: name => `picture("${name}")`, words: ['True', 'False', 'None'] })}
answer = runtime.invoke_model(modelId="${modelId}", body=json.dumps(body))
for number, image in enumerate(json.loads(answer["body"].read())["images"]):
    with open(f"image-{number}.png", "wb") as file:
        file.write(base64.b64decode(image))
`;
}

export function javaScript({ endpoint, region, modelId, body }: ApiRequest): string {
  const picture = (name: string) => `(await readFile('${name}')).toString('base64')`;
  return `import { readFile, writeFile } from 'node:fs/promises';
import { BedrockRuntimeClient, InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';

const runtime = new BedrockRuntimeClient({ endpoint: '${endpoint}', region: '${region}' });
const body = ${literal(body, { picture, words: ['true', 'false', 'null'] })};
const answer = await runtime.send(new InvokeModelCommand({ modelId: '${modelId}', body: JSON.stringify(body) }));
const { images } = JSON.parse(new TextDecoder().decode(answer.body));
for (const [number, image] of images.entries()) await writeFile(\`image-\${number}.png\`, Buffer.from(image, 'base64'));
`;
}

function holdsPicture(value: unknown): boolean {
  if (value instanceof PictureFile) return true;
  return typeof value === 'object' && value !== null && Object.values(value).some(holdsPicture);
}

interface Dialect {
  picture(name: string): string;
  words: readonly [yes: string, no: string, nothing: string];
}

/** JSON, whose objects, lists, texts and numbers are Python's and JavaScript's too. */
function literal(value: unknown, dialect: Dialect, indent = ''): string {
  const inner = `${indent}    `;
  if (value instanceof PictureFile) return dialect.picture(value.name);
  if (Array.isArray(value)) return `[${value.map(item => literal(item, dialect, inner)).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => `${inner}"${name}": ${literal(member, dialect, inner)}`);
    return `{\n${members.join(',\n')}\n${indent}}`;
  }
  if (typeof value === 'boolean') return dialect.words[value ? 0 : 1];
  return value === null ? dialect.words[2] : JSON.stringify(value);
}
