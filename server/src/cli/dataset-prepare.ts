import { mkdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { parseS3Uri } from '../domain/training/manifest.ts';
import { CliFailure } from './failure.ts';
import { onInstallation, type Server } from './installation.ts';
import { fileOfKey, filesBelow, isOfDataSet, maskOf, newSidecarOf, sidecarOf } from './picture-files.ts';
import { type ServiceFlags, settings } from './settings.ts';
import { shownPath } from './shown-path.ts';
import { callRoute, NoAnswer } from './signed-call.ts';

/** One of the product's own routes. */
type Ask = (path: '/captions' | '/masks', body: object) => Promise<unknown>;

interface Options extends Pick<ServiceFlags, 'data'> {
  model?: string;
  trigger?: string;
  subject?: string;
  overwrite?: boolean;
}

/** A picture, and what is known of it. */
interface Entry {
  name: string;
  has(what: What): boolean;
  read(): Promise<Buffer>;
  keepCaption(caption: string): Promise<void>;
  keepMask(png: Buffer): Promise<void>;
}

interface Pictures {
  entries: Entry[];
  /** Writes what was kept so far. */
  save(): Promise<void>;
}

type What = 'caption' | 'mask';

/** Reads and writes below a folder, of the disk or of S3. */
interface Files {
  read(name: string): Promise<Buffer | undefined>;
  write(name: string, bytes: Buffer | string): Promise<void>;
  /** Paths of the data set's files in it and below, sorted. */
  list(): Promise<string[]>;
}

const IMAGE = /\.(jpe?g|png)$/i;
const MANIFEST = 'train.jsonl';
/** A kill loses what was made since. */
const SAVE_MILLISECONDS = 3000;

/** Captions each picture that has no caption. What people wrote stays, unless --overwrite says otherwise. */
export async function datasetCaption(
  place: string,
  options: Options,
  environment: NodeJS.ProcessEnv,
  askWith?: Ask,
): Promise<void> {
  const ask = askWith ?? (await running(options, environment));
  const given = {
    ...(options.model && { modelId: options.model }),
    ...(options.trigger && { triggerWord: options.trigger }),
  };
  await prepare('caption', place, options, environment, async entry => {
    const image = (await entry.read()).toString('base64');
    const { caption } = (await ask('/captions', { image, ...given })) as { caption: string };
    await entry.keepCaption(caption);
    return caption;
  });
}

/** Makes a mask of the subject for each picture that has none. */
export async function datasetMask(
  place: string,
  options: Options & { subject: string },
  environment: NodeJS.ProcessEnv,
  askWith?: Ask,
): Promise<void> {
  const ask = askWith ?? (await running(options, environment));
  const given = { subject: options.subject, ...(options.model && { modelId: options.model }) };
  await prepare('mask', place, options, environment, async entry => {
    const image = (await entry.read()).toString('base64');
    const { maskImage } = (await ask('/masks', { image, ...given })) as { maskImage: string };
    await entry.keepMask(Buffer.from(maskImage, 'base64'));
    return 'a mask';
  });
}

async function prepare(
  what: What,
  place: string,
  { overwrite = false }: Options,
  environment: NodeJS.ProcessEnv,
  make: (entry: Entry) => Promise<string>,
): Promise<void> {
  const pictures = await openPictures(place, environment);
  const wanted = pictures.entries.filter(entry => overwrite || !entry.has(what));
  let stopped = false;
  const stop = () => {
    stopped = true;
  };
  process.once('SIGINT', stop);
  let failed = 0;
  let savedAt = Date.now();
  try {
    for (const [index, entry] of wanted.entries()) {
      if (stopped)
        throw new CliFailure(`stopped after ${index} of ${wanted.length}; the same command goes on from there.`);
      const outcome = await make(entry).catch((error: unknown) => {
        if (!(error instanceof CliFailure) || error instanceof NoAnswer) throw error;
        failed += 1;
        return `! ${error.message}`;
      });
      console.log(`${index + 1} of ${wanted.length}  ${entry.name}: ${outcome}`);
      if (Date.now() - savedAt < SAVE_MILLISECONDS) continue;
      await pictures.save();
      savedAt = Date.now();
    }
  } finally {
    process.off('SIGINT', stop);
    await pictures.save();
  }
  const kept = pictures.entries.length - wanted.length;
  console.log(`${place}: ${wanted.length - failed} made, ${kept} had one already.`);
  if (failed > 0) throw new CliFailure(`${failed} of ${wanted.length} pictures got no ${what}.`);
}

/** The server on the data folder, as its root user. @throws CliFailure where none runs, before any picture is looked at */
async function running(options: Options, environment: NodeJS.ProcessEnv): Promise<Ask> {
  const server = await onInstallation<Server>(settings(options, environment), {
    server: async found => found,
    folder: () =>
      Promise.reject(new CliFailure('the service is not running: start it with npx --no-install likeness up.')),
  });
  return (path, body) => callRoute(server, 'POST', path, body);
}

async function openPictures(place: string, environment: NodeJS.ProcessEnv): Promise<Pictures> {
  if (place.startsWith('s3://')) {
    const uri = place.endsWith('.jsonl') ? place : `${place.replace(/\/+$/, '')}/${MANIFEST}`;
    const { bucket, key } = parseS3Uri(uri) ?? refuse(`${place} is no S3 URI: write s3://bucket/folder.`);
    const folder = key.slice(0, key.lastIndexOf('/') + 1);
    const files = s3Files(bucket, folder, environment);
    const name = key.slice(folder.length);
    const text = (await files.read(name))?.toString('utf8');
    const home = `s3://${bucket}/${folder}`;
    return ofManifest(text ?? (await named(files, home)), name, files);
  }
  const path = resolve(place);
  const entry = await stat(path).catch(() => refuse(`there is nothing at ${shownPath(path)}.`));
  const folder = entry.isFile() ? dirname(path) : path;
  const name = entry.isFile() ? basename(path) : MANIFEST;
  const files = diskFiles(folder);
  const text = (await files.read(name))?.toString('utf8');
  return text === undefined ? ofFolder(files) : ofManifest(text, name, files);
}

/** A manifest for images that have none: its captions are to come. */
async function named(files: Files, home: string): Promise<string> {
  const images = (await files.list()).filter(name => IMAGE.test(name));
  if (images.length === 0) refuse(`${home} holds no ${MANIFEST} and no image (.jpg, .jpeg, .png).`);
  return images.map(name => JSON.stringify({ 'image-ref': `${home}${name}` })).join('\n');
}

async function ofManifest(text: string, name: string, files: Files): Promise<Pictures> {
  const names = new Set(await files.list());
  const records = text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter(line => line.trim() !== '')
    .map((line, index) => parsed(line, index + 1));
  const masks = new Map<string, string>();
  const entries = records.map((record): Entry => {
    const reference = String(record['image-ref']);
    const image = fileOfKey(reference, names) ?? basename(reference);
    const mask = maskName(image, reference, masks);
    return {
      name: image,
      has: what => {
        const value = record[what === 'caption' ? 'caption' : 'mask-ref'];
        return typeof value === 'string' && value.trim() !== '';
      },
      read: async () => (await files.read(image)) ?? refuse(`there is no ${image} beside ${name}.`),
      keepCaption: async caption => {
        record.caption = caption;
      },
      keepMask: async png => {
        await files.write(mask, png);
        record['mask-ref'] = maskOf(reference);
      },
    };
  });
  return { entries, save: () => files.write(name, records.map(record => `${JSON.stringify(record)}\n`).join('')) };
}

/** Captions go into .txt files, as dataset build takes them. */
async function ofFolder(files: Files): Promise<Pictures> {
  const all = await files.list();
  const images = all.filter(name => IMAGE.test(name));
  if (images.length === 0) refuse('the folder holds no image (.jpg, .jpeg, .png).');
  const masks = new Map<string, string>();
  const entries = await Promise.all(
    images.map(async (image): Promise<Entry> => {
      const sidecar = sidecarOf(image, all);
      const mask = maskName(image, image, masks);
      const hasMask = (await files.read(mask)) !== undefined;
      return {
        name: image,
        has: what => (what === 'caption' ? sidecar !== undefined : hasMask),
        read: async () => (await files.read(image)) ?? refuse(`there is no ${image} any more.`),
        keepCaption: text => files.write(sidecar ?? newSidecarOf(image), `${text}\n`),
        keepMask: png => files.write(mask, png),
      };
    }),
  );
  return { entries, save: async () => undefined };
}

/** @throws CliFailure where two pictures would share a mask */
function maskName(image: string, reference: string, masks: Map<string, string>): string {
  const name = maskOf(image);
  const other = masks.get(name);
  if (other !== undefined && other !== reference)
    refuse(`${other} and ${reference} would share the mask ${name}: rename one of them.`);
  masks.set(name, reference);
  return name;
}

function parsed(line: string, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (
      typeof value === 'object' &&
      value !== null &&
      typeof (value as Record<string, unknown>)['image-ref'] === 'string'
    )
      return value as Record<string, unknown>;
  } catch {
    // Told below, with its number.
  }
  return refuse(`line ${number} is no JSON object with "image-ref".`);
}

function diskFiles(folder: string): Files {
  return {
    read: name => readFile(join(folder, name)).catch(missingIsUndefined),
    async write(name, bytes) {
      const path = join(folder, name);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(`${path}.tmp`, bytes);
      await rename(`${path}.tmp`, path);
    },
    list: async () => filesBelow(folder),
  };
}

/** With the AWS_… variables of the shell. */
function s3Files(bucket: string, folder: string, environment: NodeJS.ProcessEnv): Files {
  const client = new S3Client({
    region: environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? 'us-east-1',
    forcePathStyle: true,
  });
  const told = (error: Error) => refuse(`s3://${bucket}/${folder}: ${error.name}: ${error.message}`);
  return {
    read: name =>
      client
        .send(new GetObjectCommand({ Bucket: bucket, Key: folder + name }))
        .then(async ({ Body }) => Buffer.from((await Body?.transformToByteArray()) ?? []))
        .catch((error: Error) => (error.name === 'NoSuchKey' ? undefined : told(error))),
    async write(name, bytes) {
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: folder + name, Body: bytes })).catch(told);
    },
    async list() {
      const names: string[] = [];
      let token: string | undefined;
      do {
        const page = await client
          .send(new ListObjectsV2Command({ Bucket: bucket, Prefix: folder, ContinuationToken: token }))
          .catch(told);
        for (const { Key = '' } of page.Contents ?? []) names.push(Key.slice(folder.length));
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return names.filter(isOfDataSet);
    },
  };
}

function missingIsUndefined(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function refuse(message: string): never {
  throw new CliFailure(message);
}
