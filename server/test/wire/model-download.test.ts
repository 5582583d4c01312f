import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { downloadModel } from '../../src/cli/hub/model-download.ts';
import { readConfig } from '../../src/config.ts';
import { baseModelFiles, safetensors } from '../support/base-model.ts';
import { startHub } from '../support/hub.ts';

const LAUNCHER = resolve(import.meta.dirname, '../../likeness.js');
const UNET = 'unet/diffusion_pytorch_model.fp16.safetensors';
const TOKEN = 'hf_a-secret-of-the-tests';
const SMALL = Object.entries(baseModelFiles());

type Hub = Awaited<ReturnType<typeof startHub>>;

describe('likeness model add hf:OWNER/NAME', () => {
  let root: string;
  const hubs: Hub[] = [];
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'likeness-hub-'));
  });
  after(async () => {
    await Promise.all(hubs.map(hub => hub.close()));
    await rm(root, { recursive: true });
  });

  /** A repository as many are: both precisions, pickles, and what nothing here loads. */
  const hubOf = async (change: Record<string, string | Buffer> = {}) => {
    const hub = await startHub({
      licence: 'openrail++',
      token: TOKEN,
      files: {
        ...Object.fromEntries(SMALL),
        [UNET]: safetensors([500_000], 1_000_000),
        'unet/diffusion_pytorch_model.bin': 'a pickle',
        'unet/diffusion_pytorch_model.non_ema.safetensors': safetensors(),
        'safety_checker/model.safetensors': safetensors(),
        'v1-5-pruned.ckpt': 'a pickle',
        'LICENSE.md': 'Terms.',
        ...change,
      },
    });
    hubs.push(hub);
    return hub;
  };

  function start(hub: Hub, data: string, source = 'hf:acme/Photo_XL') {
    const environment = { PATH: process.env.PATH, HOME: root, HF_ENDPOINT: hub.endpoint, HF_TOKEN: TOKEN };
    return spawn(process.execPath, [LAUNCHER, 'model', 'add', source, '--data', data], { env: environment });
  }
  async function add(hub: Hub, data: string, source?: string) {
    const child = start(hub, data, source);
    const text = { out: '', error: '' };
    child.stdout.on('data', bytes => (text.out += bytes));
    child.stderr.on('data', bytes => (text.error += bytes));
    const code = await new Promise(settle => child.on('close', settle));
    assert.ok(!`${text.out}${text.error}`.includes(TOKEN), 'the token is never shown');
    return { code, ...text };
  }
  function download(hub: Hub, dataDirectory: string, token = TOKEN) {
    const config = readConfig({ HF_ENDPOINT: hub.endpoint, HF_TOKEN: token }, { dataDirectory });
    const place = { owner: 'acme', name: 'Photo_XL', revision: 'main' };
    return downloadModel(config, place, 'acme.photo-xl', null);
  }
  const dataFolder = () => mkdtemp(join(root, 'data-'));
  const downloaded = async (data: string) => (await readdir(join(data, 'base-models'))).filter(name => name !== 'lock');

  it('goes on after kill -9 where it was, takes one precision in safetensors alone, and registers what it got', async () => {
    const hub = await hubOf();
    const data = await dataFolder();
    hub.stallAfterBytes = 300_000;
    const stalled = Promise.withResolvers<void>();
    hub.onStall = stalled.resolve;
    const child = start(hub, data);
    await stalled.promise;
    const [partial = ''] = await downloaded(data);
    const part = join(data, 'base-models', partial, `${UNET}.part`);
    while (((await stat(part).catch(() => undefined))?.size ?? 0) < 300_000) await new Promise(setImmediate);
    child.kill('SIGKILL');
    await new Promise(settle => child.on('close', settle));

    hub.stallAfterBytes = undefined;
    const done = await add(hub, data);
    assert.equal(done.code, 0, done.error);
    assert.match(done.out, /Registered acme\.photo-xl \(registered\)/);
    assert.match(done.out, /licence {2}openrail\+\+/);
    assert.match(done.error, /\[#{24}\] 100 % .* MiB\/s .* left/);
    const ranges = hub.asked.filter(({ path }) => path === UNET).map(({ range }) => range);
    assert.equal(ranges.at(-1), 'bytes=300000-');
    assert.ok(
      hub.asked.every(({ authorization }) => authorization === undefined),
      'the token stays on its origin',
    );
    const [folder = ''] = await downloaded(data);
    assert.match(folder, /^acme\.photo-xl\.[0-9a-f]{12}$/);
    const home = join(data, 'base-models', folder);
    assert.deepEqual(await readFile(join(home, UNET)), hub.files.get(UNET));
    assert.deepEqual((await readdir(join(home, 'unet'))).sort(), [
      'config.json',
      'diffusion_pytorch_model.fp16.safetensors',
    ]);
    assert.deepEqual((await readdir(home)).sort(), [
      'LICENSE.md',
      'model_index.json',
      'scheduler',
      'text_encoder',
      'tokenizer',
      'unet',
      'vae',
    ]);
  });

  it('refuses other bytes than the hash says, and asks for them again', async () => {
    const hub = await hubOf();
    const data = await dataFolder();
    hub.said[UNET] = { sha256: 'a'.repeat(64) };
    await assert.rejects(
      download(hub, data),
      /^Error: unet\/diffusion_pytorch_model\.fp16\.safetensors came with other/,
    );
    delete hub.said[UNET];
    assert.equal((await download(hub, data)).licence, 'openrail++');
  });

  it('refuses before the download what the disk or the memory will not take, and a wrong token', async () => {
    const tooLarge = await hubOf();
    tooLarge.said[UNET] = { size: 1e15 };
    const tooWide = await hubOf({ [UNET]: safetensors([1e9, 1e4]) });
    const cases: [() => Promise<unknown>, RegExp][] = [
      [
        async () => download(tooLarge, await dataFolder()),
        /931322\.57 GiB are still to be downloaded, and only .* Nothing was down/,
      ],
      [async () => download(tooWide, await dataFolder()), /take 37252\.90 GiB of memory while they load/],
      [
        async () => download(tooWide, await dataFolder(), 'hf_other'),
        /does not show hf:acme\/Photo_XL@main \(401\): it is private, gated/,
      ],
    ];
    for (const [refused, message] of cases) await assert.rejects(refused(), message);
    const asked = [...tooLarge.asked, ...tooWide.asked].filter(({ range }) => !range?.startsWith('bytes=0-'));
    assert.deepEqual(asked, [], 'headers alone');
  });
});
