import assert from 'node:assert/strict';
import test from 'node:test';
import { newProduct } from '../crash/product.ts';
import { NARROW, openBrowser, violations, visit, WIDE, whySkipped } from './console.ts';

test('The guides are read, searched and copied from in the console', { skip: whySkipped ?? false }, async context => {
  const product = newProduct(context);
  await product.up();
  const { page, open, complaints } = await visit(await openBrowser(context), product);

  await context.test('the guide of a page opens at its section', async () => {
    await open('/kms');
    await page.getByRole('link', { name: 'Guide', exact: true }).click();
    await page.getByRole('heading', { name: 'Operations', level: 1 }).waitFor();
    assert.equal(await page.title(), 'Operations – Likeness');
    const section = page.getByRole('heading', { name: 'Encryption at rest' });
    await section.waitFor();
    const box = await section.boundingBox();
    assert.ok(box && box.y > 0 && box.y < 400, `the section is at ${box?.y}`);
  });

  await context.test('a section of the page itself is gone to, and back', async () => {
    await page.getByRole('link', { name: 'Behind a proxy' }).first().click();
    await page.waitForURL(/guides\/operations#behind-a-proxy$/);
    await page.goBack();
    await page.waitForURL(/guides\/operations#encryption-at-rest$/);
    await page.goBack();
    await page.getByRole('heading', { name: 'KMS keys', level: 1 }).waitFor();
  });

  await context.test('the guides stand in the order in which a person needs them', async () => {
    await open('/guides');
    await page.getByRole('heading', { name: 'Begin', level: 2 }).waitFor();
    const groups = await page.getByRole('main').getByRole('heading', { level: 2 }).allTextContents();
    assert.deepEqual(groups, ['Begin', 'Your models', 'For AWS clients', 'Running the service']);
    const titles = await page.getByRole('main').getByRole('heading', { level: 3 }).allTextContents();
    assert.match(titles[0] ?? '', /^Your first model/);
    assert.ok(titles.length > 14, `${titles}`);
    assert.deepEqual(await violations(page, 'guides'), []);
  });

  await context.test('the trail of an opened guide ends with its title', async () => {
    const trail = page.getByRole('navigation', { name: 'Breadcrumbs' });
    await page.getByRole('link', { name: 'Your first model' }).click();
    await page.getByRole('heading', { name: 'Your first model', level: 1 }).waitFor();
    await trail.getByText('Your first model').first().waitFor();
    assert.equal(await page.title(), 'Your first model – Likeness');
    assert.deepEqual(await violations(page, 'first model'), []);
    await trail.getByRole('link', { name: 'Guides' }).click();
    await page.getByRole('heading', { name: 'Guides', level: 1 }).waitFor();
    assert.equal(await page.title(), 'Guides – Likeness');
    assert.equal(await trail.getByText('Your first model').count(), 0);
  });

  await context.test('a section that is not there is said to be missing, until one is gone to', async () => {
    await open('/guides/data-sets#no-such-section');
    const missing = page.getByText('This guide has no section “no-such-section”: these are its sections.');
    await missing.waitFor();
    assert.deepEqual(await violations(page, 'no such section'), []);
    await page.getByRole('link', { name: 'Masks', exact: true }).click();
    await missing.waitFor({ state: 'detached' });
  });

  await context.test('words find the guides and sections that have them all', async () => {
    await open('/guides');
    await page.getByRole('searchbox', { name: 'Find in guides' }).fill('kohya FOLDER caption');
    await page.getByRole('link', { name: 'Make one' }).click();
    await page.getByRole('heading', { name: 'Data sets', level: 1 }).waitFor();
    await open('/guides');
    await page.getByRole('searchbox', { name: 'Find in guides' }).fill('zebra crossing');
    await page.getByText('No guide has all these words.').waitFor();
  });

  await context.test('who comes back from a guide finds the words typed, and what they found', async () => {
    const search = page.getByRole('searchbox', { name: 'Find in guides' });
    await search.fill('kohya folder');
    await page.getByRole('link', { name: 'Make one' }).click();
    await page.getByRole('heading', { name: 'Data sets', level: 1 }).waitFor();
    await page.goBack();
    await page.getByRole('heading', { name: 'Guides', level: 1 }).waitFor();
    assert.equal(await search.inputValue(), 'kohya folder');
    assert.equal(await page.locator('.guide-list').getByRole('link', { name: 'Terraform' }).count(), 0);
    await search.fill('');
    await page.locator('.guide-list').getByRole('link', { name: 'Terraform' }).waitFor();
  });

  await context.test('a command is copied as it stands', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await open('/guides/aws-clients');
    await page.getByRole('button', { name: 'Copy' }).first().click();
    await page.getByText('Copied').first().waitFor();
    const copied = String(await page.evaluate('navigator.clipboard.readText()'));
    const shown = await page.locator('.guide-code pre').first().textContent();
    assert.equal(copied, shown);
  });

  await context.test('a block of code within a list is copied too', async () => {
    await open('/guides/audit-events-metrics');
    const block = page.locator('.guide li .guide-code');
    await block.getByRole('button', { name: 'Copy' }).click();
    await page.getByText('Copied').first().waitFor();
    const copied = String(await page.evaluate('navigator.clipboard.readText()'));
    assert.match(copied, /^seconds, signature = re\.fullmatch/);
    assert.equal(await page.locator('.guide-code').count(), await page.getByRole('button', { name: 'Copy' }).count());
  });

  await context.test('what is not there says so, and links of guides lead to what is', async () => {
    await open('/guides/no-such-guide');
    await page.getByText('There is no guide named no-such-guide.').waitFor();
    await open('/guides/index');
    await page.getByText('There is no guide named index.').waitFor();
    // Half a letter, as where an address was cut.
    await open('/guides/%E0%A4');
    await page.getByRole('heading', { name: 'There is no page at this address' }).waitFor();
    await open('/guides/data-sets#%E0%A4');
    await page.getByRole('heading', { name: 'Data sets', level: 1 }).waitFor();
    await open('/guides/data-sets');
    await page.getByRole('link', { name: 'trained otherwise' }).click();
    await page.getByRole('heading', { name: /A style is not trained as a subject is/ }).waitFor();
  });

  await context.test('no guide is wider than a narrow window', async () => {
    const index = await page.request.get(`${product.access().endpoint}/_console/guides.json`);
    const guides: { name: string; title: string }[] = await index.json();
    assert.ok(guides.length > 10, `${guides.length}`);
    await page.setViewportSize(NARROW);
    for (const { name, title } of guides) {
      await open(`/guides/${name}`);
      await page.getByRole('heading', { name: title, level: 1, exact: true }).waitFor();
      assert.ok(Number(await page.evaluate('document.documentElement.scrollWidth - innerWidth')) <= 0, name);
    }
    await page.setViewportSize(WIDE);
  });

  await context.test('every page names a guide and a section that are there', async () => {
    await open('/');
    const addresses = await page
      .getByRole('navigation', { name: 'Side navigation' })
      .getByRole('link')
      .evaluateAll(links => links.map(link => (link as unknown as { pathname: string }).pathname));
    const paths = [...new Set(addresses.map(path => path.replace('/_console', '')))].filter(path => path !== '/guides');
    assert.ok(paths.length > 15, `${paths}`);
    for (const path of paths) {
      await open(path);
      const link = page.locator('.layout-bar').getByRole('link', { name: 'Guide', exact: true });
      const [, name, section] = /guides\/([^#]+)#?(.*)$/.exec((await link.getAttribute('href')) ?? '') ?? [];
      assert.ok(name, `${path} names no guide`);
      const guide = await (await page.request.get(`${product.access().endpoint}/_console/guides/${name}.json`)).json();
      const ids = guide.sections.map((of: { id: string }) => of.id);
      assert.ok(section === '' || ids.includes(section), `${path}: ${name} has no section ${section}`);
    }
  });

  assert.deepEqual(complaints, []);
});
