import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { Fault } from '../../domain/fault.ts';
import type { InvokeAnswer, InvokeRequest, Unit, UnitModel } from '../../ports/inference.ts';
import { endGroup, type GroupLeader, leaderOf } from '../sandbox/process-group.ts';
import type { WorkerLauncher } from '../sandbox/worker-launcher.ts';

export interface UnitOptions {
  id: string;
  /** A folder of its own, existing. */
  folder: string;
  launcher: WorkerLauncher;
  threads: number;
  invokeTimeoutSeconds: number;
}

interface Answer {
  status: number;
  body: unknown;
}

const HEALTH_TIMEOUT_SECONDS = 10;
/** Five images of 1,408 × 640 pixels as base64 PNG stay below it. */
const MAXIMUM_ANSWER_BYTES = 128 * 1024 * 1024;
const LOG_TAIL_CHARACTERS = 2000;

/** @throws Fault unavailable when no process could be started */
export async function startUnit(model: UnitModel, options: UnitOptions): Promise<Unit> {
  const socketPath = join(options.folder, 's');
  const logPath = join(options.folder, 'log.txt');
  const command = options.launcher.command({
    arguments: serveArguments(model, socketPath, options.threads),
    writable: [options.folder],
    readable: [
      model.baseModelPath,
      ...(model.adapter ? [model.adapter.folder] : []),
      ...(model.adaptersFolder === null ? [] : [model.adaptersFolder]),
    ],
    workingDirectory: options.folder,
    diesWithParent: true,
  });
  const log = openSync(logPath, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(command.file, command.arguments, {
      env: command.environment,
      cwd: options.folder,
      // A group of its own: Ctrl-C in the terminal must not reach a unit that still has a request in hand.
      detached: true,
      stdio: ['ignore', log, log],
    });
  } finally {
    closeSync(log);
  }
  const exited = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message));
    child.once('exit', () => resolve(logTail(logPath)));
  });
  if (child.pid === undefined) throw new Fault('unavailable', `The model unit could not be started: ${await exited}`);
  const leader = leaderOf(child.pid);
  const ended = exited.then(tail => cleanUp(leader, options.folder, tail));
  let isGone = false;
  void ended.then(() => {
    isGone = true;
  });
  const isEnded = () => isGone;
  const inHand = new Set<Promise<unknown>>();
  const clock = silenceClock(options.invokeTimeoutSeconds);

  return {
    id: options.id,
    ended,
    async health() {
      if (isGone) return { status: 'gone', message: await ended };
      try {
        const answer = await call(socketPath, 'GET', '/health', undefined, {
          clock: silenceClock(HEALTH_TIMEOUT_SECONDS),
          signal: undefined,
        });
        return readHealth(answer.body);
      } catch (error) {
        // Before the socket listens; Python itself takes a moment to start.
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (code === 'ENOENT' || code === 'ECONNREFUSED') return { status: 'loading', message: null };
        return { status: isGone ? 'gone' : 'failed', message: 'The model unit does not answer.' };
      }
    },
    async invoke(request, signal) {
      const answering = invoke(socketPath, request, clock, signal, isEnded);
      inHand.add(answering);
      try {
        return await answering;
      } finally {
        inHand.delete(answering);
      }
    },
    async load(adapterId, folder) {
      await ask(socketPath, '/load', { v: 1, adapterId, folder }, clock, isEnded);
    },
    async unload(adapterId) {
      await ask(socketPath, '/unload', { v: 1, adapterId }, clock, isEnded);
    },
    async stop(graceSeconds) {
      if (inHand.size > 0) await settleWithin([...inHand], graceSeconds);
      // SIGTERM ends bubblewrap's outer process, and --die-with-parent the worker with it: nothing is in hand any more.
      await endGroup(leader, 1);
      await ended;
    },
  };
}

function serveArguments(model: UnitModel, socketPath: string, threads: number): string[] {
  const adapter = model.adapter;
  return [
    'serve',
    ...['--base', model.baseModelPath],
    ...['--socket', socketPath],
    ...(adapter?.method === 'lora' ? ['--adapter', `${adapter.id}=${adapter.folder}`] : []),
    ...(model.adaptersFolder === null ? [] : ['--adapters-folder', model.adaptersFolder]),
    ...(adapter?.method === 'full' ? ['--full', adapter.folder] : []),
    ...['--threads', String(threads)],
  ];
}

async function invoke(
  socketPath: string,
  request: InvokeRequest,
  clock: Clock,
  signal: AbortSignal,
  isGone: () => boolean,
): Promise<InvokeAnswer> {
  const answer = await ask(socketPath, '/invoke', { v: 1, ...request }, clock, isGone, signal);
  return readAnswer(answer.body);
}

/** @throws Fault in the place of every answer but 200, and of none */
async function ask(
  socketPath: string,
  path: string,
  body: unknown,
  clock: Clock,
  isGone: () => boolean,
  signal?: AbortSignal,
): Promise<Answer> {
  let answer: Answer;
  try {
    answer = await call(socketPath, 'POST', path, body, { clock, signal });
  } catch (error) {
    if (error instanceof Fault) throw error;
    const what = isGone() || isConnectionEnd(error) ? 'ended while it drew the images' : 'did not answer';
    throw new Fault('modelError', `The model unit ${what}; try again.`, { cause: error });
  }
  if (answer.status === 200) return answer;
  const { kind, message } = readError(answer.body);
  if (answer.status === 400 && kind === 'invalid') throw new Fault('invalid', message);
  if (answer.status === 409) throw new Fault('notReady', `The model is not ready: ${message}.`);
  throw new Fault('modelError', `The model failed: ${message}.`, { members: { originalStatusCode: answer.status } });
}

type Clock = ReturnType<typeof silenceClock>;

/** The time within which a unit answers something: each answer restarts it for all requests that it has in hand. */
function silenceClock(seconds: number) {
  const timers = new Set<NodeJS.Timeout>();
  return {
    /** @returns what stops it for this one */
    start(onSilence: (seconds: number) => void): () => void {
      const timer = setTimeout(() => onSilence(seconds), seconds * 1000);
      timers.add(timer);
      return () => {
        clearTimeout(timer);
        timers.delete(timer);
      };
    },
    restart(): void {
      for (const timer of timers) timer.refresh();
    },
  };
}

/** One exchange over the socket. @throws Fault modelTimeout past the time; Error of the connection */
function call(
  socketPath: string,
  method: 'GET' | 'POST',
  path: string,
  body: unknown,
  bounds: { clock: Clock; signal: AbortSignal | undefined },
): Promise<Answer> {
  const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
  return new Promise((resolve, reject) => {
    const headers = payload ? { 'content-type': 'application/json', 'content-length': payload.length } : {};
    const request = httpRequest({
      socketPath,
      method,
      path,
      headers,
      agent: false,
      ...(bounds.signal ? { signal: bounds.signal } : {}),
    });
    const stopClock = bounds.clock.start(seconds => {
      const text = `The model did not answer within ${seconds} seconds; ask for fewer or smaller images.`;
      request.destroy(new Fault('modelTimeout', text));
    });
    const fail = (error: unknown) => {
      stopClock();
      reject(error);
    };
    request.once('error', fail);
    request.once('response', response => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        size += chunk.length;
        if (size > MAXIMUM_ANSWER_BYTES) request.destroy(new Error('the answer is too long'));
        chunks.push(chunk);
      });
      response.once('error', fail);
      response.once('end', () => {
        stopClock();
        bounds.clock.restart();
        try {
          resolve({ status: response.statusCode ?? 500, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
        } catch (error) {
          reject(error);
        }
      });
    });
    request.end(payload);
  });
}

function readHealth(body: unknown): { status: 'loading' | 'ready' | 'failed'; message: string | null } {
  const { status, message } = record(body);
  const known = status === 'loading' || status === 'ready' || status === 'failed';
  return { status: known ? status : 'failed', message: typeof message === 'string' ? message : null };
}

function readAnswer(body: unknown): InvokeAnswer {
  const { images, maskImage, cropBox, watermark, isWatermarked, caption } = record(body);
  if (!Array.isArray(images)) throw new Fault('modelError', 'The model answered without images.');
  return {
    images: images.filter(image => typeof image === 'string'),
    maskImage: typeof maskImage === 'string' ? maskImage : null,
    // Both sides keep contract/schemas/invoke.schema.json, golden messages included.
    cropBox: (cropBox ?? null) as InvokeAnswer['cropBox'],
    watermark: (watermark ?? null) as InvokeAnswer['watermark'],
    isWatermarked: isWatermarked === true,
    caption: typeof caption === 'string' ? caption : null,
  };
}

function readError(body: unknown): { kind: string; message: string } {
  const { kind, message } = record(record(body).error);
  return { kind: String(kind), message: typeof message === 'string' ? message : 'it gave no reason' };
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isConnectionEnd(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'ECONNREFUSED' || code === 'ENOENT';
}

/** bubblewrap's outer process may go before the worker inside: the whole group must be gone before the folder is. */
async function cleanUp(leader: GroupLeader, folder: string, tail: string): Promise<string> {
  try {
    await endGroup(leader, 0);
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // The runtime folder goes with the server, or with the next one.
  }
  return tail;
}

function logTail(path: string): string {
  try {
    return readFileSync(path, 'utf8').slice(-LOG_TAIL_CHARACTERS);
  } catch {
    return '';
  }
}

async function settleWithin(promises: Promise<unknown>[], seconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>(resolve => {
    timer = setTimeout(resolve, seconds * 1000);
  });
  await Promise.race([Promise.allSettled(promises), late]);
  clearTimeout(timer);
}
