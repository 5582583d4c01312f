/**
 * Delivers invocations to the buckets of those who asked for logs, after the answer and beside it. What waits is in memory:
 * a clean stop delivers it, a crash loses it.
 */
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { logFileName, logFolder, MAXIMUM_INLINE_BODY_BYTES } from '../domain/invocation-log.ts';
import type { Invocation, InvocationLog, LogBuckets, LoggingConfiguration } from '../ports/invocation-logs.ts';
import type { Log } from '../ports/log.ts';
import type { Store } from '../ports/store.ts';
import type { Ids } from '../ports/time.ts';

interface InvocationLogsDependencies {
  store: Store;
  logBuckets: LogBuckets;
  ids: Ids;
  log: Log;
}

/** Bodies that may wait; what comes beyond is not logged. */
const MAXIMUM_WAITING_BYTES = 256 * 1024 * 1024;

const compress = promisify(gzip);

/** Starts to wait for invocations. `stop` resolves when what was recorded before is delivered. */
export function startInvocationLogs(
  dependencies: InvocationLogsDependencies,
): InvocationLog & { stop(): Promise<void> } {
  const { log } = dependencies;
  let waiting: Invocation[] = [];
  let waitingBytes = 0;
  let delivering: Promise<void> | undefined;

  async function deliverAll(): Promise<void> {
    while (waiting.length > 0) {
      const taken = waiting;
      waiting = [];
      const folders = Map.groupBy(taken, ({ accountId, region, at }) => logFolder('', { accountId, region }, at));
      for (const invocations of folders.values()) await deliver(invocations, dependencies);
      for (const invocation of taken) waitingBytes -= sizeOf(invocation);
    }
    delivering = undefined;
  }

  return {
    record(invocation) {
      if (waitingBytes + sizeOf(invocation) > MAXIMUM_WAITING_BYTES) {
        const { requestId, accountId } = invocation;
        log.warn({ requestId, accountId }, 'an invocation was not logged: too many wait for their delivery');
        return;
      }
      waiting.push(invocation);
      waitingBytes += sizeOf(invocation);
      delivering ??= Promise.resolve().then(deliverAll);
    },
    async stop() {
      await delivering;
    },
  };
}

function sizeOf({ inputBody, outputBody }: Invocation): number {
  return inputBody.byteLength + outputBody.byteLength;
}

/** Writes one file of entries. @param invocations of one account, Region and hour; at least one */
async function deliver(invocations: readonly Invocation[], dependencies: InvocationLogsDependencies): Promise<void> {
  const { store, logBuckets, ids, log } = dependencies;
  const first = invocations[0];
  if (first === undefined) return;
  const { accountId, region, at } = first;
  const scope = { accountId, region };
  try {
    const configuration = await store.read(rows => rows.bedrock.loggingConfigurationOf(scope));
    if (configuration === undefined) return;
    const { bucketName, keyPrefix } = configuration.s3Config;
    const folder = logFolder(keyPrefix, scope, at);
    const put = async (key: string, text: string | Uint8Array) =>
      logBuckets.put(scope, bucketName, key, await compress(text));
    const keep = async (key: string, body: Uint8Array) => {
      await put(`${folder}data/${key}`, body);
      return `s3://${bucketName}/${folder}data/${key}`;
    };
    const entries: string[] = [];
    for (const invocation of invocations) entries.push(JSON.stringify(await entryOf(invocation, configuration, keep)));
    const suffix = Buffer.from(ids.bytes(8)).toString('hex');
    await put(`${folder}${logFileName(at, suffix)}`, `${entries.join('\n')}\n`);
  } catch (error) {
    const requestIds = invocations.map(({ requestId }) => requestId);
    log.warn({ error, accountId, region, requestIds }, 'invocations could not be logged to S3');
  }
}

/** An entry as AWS writes it. @param keep writes a body that is too large for the entry, and returns its URI */
async function entryOf(
  invocation: Invocation,
  configuration: LoggingConfiguration,
  keep: (name: string, body: Uint8Array) => Promise<string>,
) {
  const { at, accountId, region, requestId, operation, modelId, callerArn, inputBody, outputBody } = invocation;
  const { textDataDeliveryEnabled: texts = true, imageDataDeliveryEnabled: images = true } = configuration;
  async function body(side: 'input' | 'output', bytes: Uint8Array, isDelivered: boolean) {
    if (!isDelivered) return {};
    if (bytes.byteLength > MAXIMUM_INLINE_BODY_BYTES)
      return { [`${side}BodyS3Path`]: await keep(`${requestId}_${side}.json.gz`, bytes) };
    return { [`${side}BodyJson`]: JSON.parse(new TextDecoder().decode(bytes)) };
  }
  return {
    schemaType: 'ModelInvocationLog',
    schemaVersion: '1.0',
    timestamp: `${at.toISOString().slice(0, 19)}Z`,
    ...{ accountId, identity: { arn: callerArn }, region, requestId, operation, modelId },
    ...(invocation.requestMetadata && { requestMetadata: invocation.requestMetadata }),
    input: {
      inputContentType: 'application/json',
      ...(await body('input', inputBody, texts && (images || !invocation.isInputWithImages))),
    },
    output: { outputContentType: 'application/json', ...(await body('output', outputBody, images)) },
  };
}
