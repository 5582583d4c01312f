import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as s3 from '@aws-sdk/client-s3';
import { loadContract, type OperationShape } from '../../src/wire/contract.ts';
import { ECHO_CREDENTIALS, type EchoServer, plain, startEcho, type Value } from '../support/echo-server.ts';
import { sample, seeded } from '../support/schema-samples.ts';

// However a client writes a document, S3 is told the same: each operation that takes one, written in several ways.

/** Between two tags, unless they are the ends of one leaf: what is in there is its text. */
const BETWEEN_TAGS = /(<[^/!?][^<>]*[^/]>(?=<(?!\/)))|(<\/[^<>]*>|<[^<>]*\/>)(?=<)/g;
const LEAF_TEXT = /(<[^/!?][^<>]*[^/]>)([^<>]+)(?=<\/)/g;

const WRITINGS: Record<string, (document: string) => string> = {
  'with spaces': document => document.replace(BETWEEN_TAGS, '$& '),
  'with tabs': document => document.replace(BETWEEN_TAGS, '$&\t\t'),
  'with lines': document => document.replace(BETWEEN_TAGS, '$&\n  '),
  'with carriage returns': document => document.replace(BETWEEN_TAGS, '$&\r'),
  'with lines of another system': document => document.replace(BETWEEN_TAGS, '$&\r\n'),
  'with spaces as references': document => document.replace(BETWEEN_TAGS, '$&&#x20;'),
  'with comments': document => document.replace(BETWEEN_TAGS, '$& <!-- <Key>none</Key> --> '),
  'with CDATA': document =>
    document.replace(LEAF_TEXT, (_, tag, text) => `${tag}<![CDATA[${text.replace(/&[^;]+;/g, ']]>$&<![CDATA[')}]]>`),
  'with references': document =>
    document.replace(LEAF_TEXT, (_, tag, text) => {
      const characters = [...text.replace(/&[^;]+;/g, (reference: string) => `\0${reference}\0`).split('\0')];
      return tag + characters.map(part => (part.startsWith('&') ? part : asReferences(part))).join('');
    }),
  'with a prefix': document =>
    document.replace(/<(\/?)([A-Z])/g, '<$1s3:$2').replace(/(<s3:[^ />]+)/, '$1 xmlns:s3="urn:s3"'),
  'with a byte order mark': document => `\ufeff${document}`,
};

let echo: EchoServer;
before(async () => {
  echo = await startEcho(['s3']);
});
after(() => echo.stop());

function asReferences(text: string): string {
  return [...text].map(character => `&#${character.codePointAt(0)};`).join('');
}

/** A client whose documents are rewritten before they are signed. */
function writing(rewrite: (document: string) => string): s3.S3Client {
  const client = new s3.S3Client({
    region: 'us-east-1',
    endpoint: echo.endpoint,
    credentials: ECHO_CREDENTIALS,
    maxAttempts: 1,
    forcePathStyle: true,
  });
  client.middlewareStack.add(
    next => args => {
      const request = args.request as { body?: unknown; headers: Record<string, string> };
      request.body = rewrite(String(request.body));
      request.headers['content-length'] = String(Buffer.byteLength(String(request.body)));
      for (const name of Object.keys(request.headers)) if (/checksum|md5/.test(name)) delete request.headers[name];
      return next(args);
    },
    { step: 'build', priority: 'low', name: 'rewrite' },
  );
  return client;
}

async function arrivedBy(operation: string, input: Value, rewrite: (document: string) => string): Promise<Value> {
  const client = writing(rewrite);
  const Command = (s3 as unknown as Record<string, new (input: unknown) => never>)[`${operation}Command`];
  assert.ok(Command);
  echo.arrived.length = 0;
  try {
    await client.send(new Command(input));
  } finally {
    client.destroy();
  }
  const [arrived] = echo.arrived;
  assert.equal(arrived?.operation, operation);
  return plain(arrived.input);
}

/** The documents of DeleteObjects, whose text is a key's, as they are told. */
async function keysIn(document: string): Promise<unknown> {
  const input = { Bucket: 'my-bucket', Delete: { Objects: [{ Key: 'k' }] } };
  return (await arrivedBy('DeleteObjects', input, () => document)).Delete;
}

function takesDocument({ input }: OperationShape): boolean {
  if (input.isUnitSchema()) return false;
  return [...input.structIterator()].some(
    ([, member]) => member.getMergedTraits().httpPayload && member.isStructSchema(),
  );
}

describe('a document means the same', () => {
  const random = seeded(11);
  for (const shape of [...loadContract('s3').operations.values()].filter(takesDocument))
    test(shape.name, async () => {
      const input = sample(shape.input, random) as Value;
      Object.assign(input, { Bucket: 'my-bucket', ...('Key' in input && { Key: 'key' }) });
      delete input.ContentMD5;
      for (const name of Object.keys(input)) if (/^(SSECustomer|Checksum)/.test(name)) delete input[name];
      for (const [name, member] of shape.input.structIterator())
        if (member.getMergedTraits().httpPayload) input[name] ??= sample(member, random);
      const meant = await arrivedBy(shape.name, input, document => document);
      for (const [how, rewrite] of Object.entries(WRITINGS))
        assert.deepEqual(await arrivedBy(shape.name, input, rewrite), meant, `${shape.name} ${how}`);
    });
});

test('the text of an element is what it holds, be it space alone', async () => {
  for (const [written, key] of [
    [' ', ' '],
    ['\t', '\t'],
    ['\n', '\n'],
    ['&#13;', '\r'],
    [' a ', ' a '],
    ['<![CDATA[ ]]>', ' '],
    ['<!-- none --> <!-- none -->', ' '],
    ['a<![CDATA[<&]]>&amp;&lt;b', 'a<&&<b'],
    ['&#128512;&#x1F600;', '😀😀'],
    ['\u00a0', '\u00a0'],
    ['\u0001&#2;', '\u0001\u0002'],
  ])
    assert.deepEqual(
      await keysIn(`<Delete>\n <Object> <Key>${written}</Key>\t</Object> </Delete>`),
      { Objects: [{ Key: key }] },
      written,
    );
  assert.deepEqual(await keysIn('<Delete><Object><Key xml:space="preserve"> </Key></Object></Delete>'), {
    Objects: [{ Key: ' ' }],
  });
});

test('space around a number or a boolean is none of it', async () => {
  const quiet = await keysIn('<Delete> <Quiet> true\n</Quiet><Object><Key>k</Key><Size>\t5 </Size></Object></Delete>');
  assert.deepEqual(quiet, { Quiet: true, Objects: [{ Key: 'k', Size: 5 }] });
});

test('a document that says nothing clear is refused rather than half understood', async () => {
  const filter = (content: string) => () =>
    `<LifecycleConfiguration><Rule><Status>Enabled</Status>${content}</Rule></LifecycleConfiguration>`;
  const input = { Bucket: 'my-bucket', LifecycleConfiguration: { Rules: [] } };
  const put = (content: string) => arrivedBy('PutBucketLifecycleConfiguration', input, filter(content));
  const [rule] = ((await put('<Filter> </Filter>')).LifecycleConfiguration as { Rules: Value[] }).Rules;
  assert.deepEqual(rule?.Filter, {});
  for (const content of [
    '<Filter>logs/</Filter>',
    '<Filter>logs/<Prefix>a</Prefix></Filter>',
    '<Filter>\u00a0<Prefix>a</Prefix></Filter>',
    '<Filter><Prefix>a</Prefix></Filter><Filter><Prefix>b</Prefix></Filter>',
    '<Filter><Prefix>a</Prefix><Prefix>b</Prefix></Filter>',
    '<Filter><Prefix><b>a</b></Prefix></Filter>',
    '<Filter><Prefix>a & b</Prefix></Filter>',
    '<Filter><Prefix>&nbsp;</Prefix></Filter>',
    '<Filter><Prefix>&#xD800;</Prefix></Filter>',
    '<Filter><Prefix>a</Filter></Prefix>',
    '<Expiration><Days>many</Days></Expiration>',
    '<Expiration><ExpiredObjectDeleteMarker>maybe</ExpiredObjectDeleteMarker></Expiration>',
  ])
    await assert.rejects(put(content), { name: 'MalformedXML' }, content);
});
