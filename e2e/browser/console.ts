/** A person with a browser before the running product: headless Chromium, and the words on the screen. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { CreateLoginProfileCommand, CreateUserCommand, PutUserPolicyCommand } from '@aws-sdk/client-iam';
import { type Browser, chromium, type Page } from 'playwright-core';
import { type Product, projectRoot, until, whySkipped as whyNoProduct } from '../crash/product.ts';

export const samplePath = join(projectRoot, 'models/art/sample');
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(path =>
  existsSync(path),
);
/** Pictures of every page, light and dark: for looking at, not for comparing. */
const artifacts = join(projectRoot, 'artifacts', 'console');
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** For thousands of pictures, on a machine that does other things as well. */
const LOOKING_MILLISECONDS = 600_000;

export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 390, height: 844 };

export const whySkipped =
  whyNoProduct ??
  (CHROMIUM === undefined
    ? 'there is no Chromium: on Debian, apt-get install chromium'
    : existsSync(join(projectRoot, 'console/dist/index.html'))
      ? undefined
      : 'the console is not built: run npm run setup');

/** It is closed after the test. */
export async function openBrowser(context: Pick<TestContext, 'after'>): Promise<Browser> {
  const browser = await chromium.launch({
    ...(CHROMIUM !== undefined && { executablePath: CHROMIUM }),
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
  context.after(() => browser.close());
  return browser;
}

export interface Visit {
  page: Page;
  /** Goes to an address of the console without loading the page again, as a link does. */
  open(path: string): Promise<void>;
  /** What the browser complained about: scripts that failed, and what the content security policy refused. */
  complaints: string[];
  close(): Promise<void>;
}

/** A window of its own, signed in with the link that the newest start printed. */
export async function visit(browser: Browser, product: Product): Promise<Visit> {
  await until('the link is printed', () => product.signInLink() !== '', 10);
  const context = await browser.newContext({ viewport: WIDE, reducedMotion: 'reduce', acceptDownloads: true });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on('pageerror', error => complaints.push(String(error)));
  page.on('console', message => {
    // A refused request is logged by the browser itself; the page shows it.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text());
  });
  await page.goto(product.signInLink());
  await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor();
  return {
    page,
    complaints,
    async open(path) {
      await page.evaluate(
        `history.pushState(null, '', '/_console${path}'); dispatchEvent(new PopStateEvent('popstate'))`,
      );
      await page.getByRole('heading', { level: 1 }).first().waitFor();
    },
    close: () => context.close(),
  };
}

/** Loads the page again and waits until it is drawn, for whoever was signed in. */
export async function reload(page: Page): Promise<void> {
  await page.reload();
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await page.getByRole('navigation').first().waitFor();
}

/** @param product whose root key it is */
export async function signInByAccessKey(page: Page, product: Product): Promise<void> {
  const { accessKeyId, secretAccessKey } = product.access();
  await page.getByRole('tab', { name: 'Access key' }).click();
  await page.getByLabel('Access key ID').fill(accessKeyId);
  await page.getByLabel('Secret access key').fill(secretAccessKey);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { level: 1 }).first().waitFor();
}

export interface PasswordUser {
  UserName: string;
  Password: string;
}

/** A user of the first account who signs in by password and may do what is named, no more. */
export async function createReader(product: Product, actions: string[]): Promise<PasswordUser> {
  const user = { UserName: 'reader', Password: 'a long Password 1!' };
  const iam = product.iam();
  await iam.send(new CreateUserCommand({ UserName: user.UserName }));
  await iam.send(new CreateLoginProfileCommand(user));
  const statement = { Effect: 'Allow', Action: actions, Resource: '*' };
  const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement: [statement] });
  await iam.send(new PutUserPolicyCommand({ UserName: user.UserName, PolicyName: 'look', PolicyDocument }));
  return user;
}

/** A user of the first account, at a page of the console. */
export async function signInByPassword(page: Page, product: Product, path: string, user: PasswordUser): Promise<void> {
  const { accountId } = JSON.parse(readFileSync(join(product.data, 'endpoint.json'), 'utf8'));
  await page.goto(`${product.access().endpoint}/_console${path}`);
  await page.getByLabel('Account').fill(accountId);
  await page.getByLabel('User name').fill(user.UserName);
  await page.getByLabel('Password', { exact: true }).fill(user.Password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** A line for each rule that axe finds broken, and where. @param options.rules these alone */
export async function violations(page: Page, where: string, options: { rules?: string[] } = {}): Promise<string[]> {
  if (!(await page.evaluate("'axe' in window"))) await page.evaluate(axeSource);
  const found = (await page.evaluate(
    `axe.run(document, ${JSON.stringify({
      resultTypes: ['violations'],
      ...(options.rules && { runOnly: options.rules }),
    })})`,
  )) as {
    violations: { id: string; help: string; nodes: { target: string[]; html: string }[] }[];
  };
  return found.violations.flatMap(({ id, help, nodes }) =>
    nodes.slice(0, 3).map(node => `${where}: ${id} (${help}) at ${node.target.join(' ')}: ${node.html.slice(0, 200)}`),
  );
}

export async function photograph(page: Page, name: string): Promise<void> {
  mkdirSync(artifacts, { recursive: true });
  await page.evaluate('scrollTo(0, 0)');
  await page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: true });
}

/**
 * Gives the data-set editor so many pictures at once, `picture-00000.jpg` and on, each captioned “a dog, number 0” and on. It is the
 * same small picture under every name: looking at each is not what is tried. Returns when all were looked at.
 */
export async function bringCopies(page: Page, count: number): Promise<void> {
  await page.evaluate(`(async () => {
    const canvas = new OffscreenCanvas(512, 512);
    const context = canvas.getContext('2d');
    for (let index = 0; index < 8; index += 1) {
      context.fillStyle = 'hsl(' + 45 * index + ' 60% 50%)';
      context.fillRect(64 * index, 0, 64, 512);
    }
    const picture = await canvas.convertToBlob({ type: 'image/jpeg' });
    const files = new DataTransfer();
    const captions = [];
    for (let index = 0; index < ${count}; index += 1) {
      const name = 'picture-' + String(index).padStart(5, '0') + '.jpg';
      captions.push(JSON.stringify({ 'image-ref': name, caption: 'a dog, number ' + index }));
      files.items.add(new File([picture], name, { type: 'image/jpeg' }));
    }
    files.items.add(new File([captions.join('\\n')], 'captions.jsonl', { type: 'application/jsonl' }));
    const input = document.querySelector('input[aria-label="Picture files"]');
    input.files = files.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  })()`);
  await page.getByLabel('Caption of picture-00000.jpg').waitFor();
  await page.getByText('Looking at the pictures…').waitFor({ state: 'detached', timeout: LOOKING_MILLISECONDS });
}

/** Gives the data-set editor pictures of noise over light, as a sensor's: to the editor they are photographs. None has a caption. */
export async function bringPhotographs(page: Page, count: number): Promise<void> {
  await page.evaluate(`(async () => {
    const files = new DataTransfer();
    for (let index = 0; index < ${count}; index += 1) {
      const canvas = new OffscreenCanvas(512, 512);
      const context = canvas.getContext('2d');
      const pixels = context.createImageData(512, 512);
      let seed = index + 1;
      for (let at = 0; at < pixels.data.length; at += 4) {
        const light = 60 + index * 10 + at / 8192;
        for (let channel = 0; channel < 3; channel += 1) {
          seed = (seed * 48271) % 2147483647;
          pixels.data[at + channel] = light + (seed % 40);
        }
        pixels.data[at + 3] = 255;
      }
      context.putImageData(pixels, 0, 0);
      const picture = await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
      files.items.add(new File([picture], 'photograph-' + index + '.jpg', { type: 'image/jpeg' }));
    }
    const input = document.querySelector('input[aria-label="Picture files"]');
    input.files = files.files;
    input.dispatchEvent(new Event('change', { bubbles: true }));
  })()`);
}

/** Steps of which each needs the one before: the first that fails ends the story, with its name and a picture of the page. */
export function storyTeller(page: Page): (name: string, tell: () => Promise<void>) => Promise<void> {
  return async (name, tell) => {
    try {
      await tell();
    } catch (error) {
      await photograph(page, 'failed').catch(() => undefined);
      throw new Error(`failed where ${name}`, { cause: error });
    }
  };
}
