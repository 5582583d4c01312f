import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it, mock } from 'node:test';
import { datasetBuild } from './dataset-build.ts';
import { datasetCheck } from './dataset-check.ts';

/** Header and end of a PNG: all that is read of one. */
function png(width: number, height: number, number = 0): Buffer {
  const bytes = Buffer.alloc(64, number);
  bytes.write('IEND', 56);
  Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]).copy(bytes);
  bytes.write('IHDR', 12);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}

describe('a data set on the disk', () => {
  let folder: string;
  let printed: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'likeness-dataset-'));
    printed = [];
    for (const method of ['log', 'error'] as const) mock.method(console, method, (line: string) => printed.push(line));
    for (const number of [1, 2, 3, 4, 5]) {
      writeFileSync(join(folder, `ron_${number}.png`), png(640, 512, number));
      writeFileSync(join(folder, `ron_${number}.txt`), `Ron the dog\n number ${number}\n`);
    }
  });
  afterEach(() => {
    mock.restoreAll();
    rmSync(folder, { recursive: true });
  });
  const build = (options: object = {}) => datasetBuild(folder, { s3Prefix: 's3://bucket/data/', ...options });
  const manifest = () => readFileSync(join(folder, 'train.jsonl'), 'utf8').trim().split('\n');

  it('is built from captions beside the images, and then passes the check', async () => {
    await build();
    assert.deepEqual(JSON.parse(manifest()[0] ?? ''), {
      'image-ref': 's3://bucket/data/ron_1.png',
      caption: 'Ron the dog number 1',
    });
    await datasetCheck(folder, {}, {});
    assert.match(printed.at(-1) ?? '', /5 records, all good/);
  });

  it('that teaches a style is told so by the check, and one of a subject is not', async () => {
    await build();
    await datasetCheck(folder, {}, {});
    assert.doesNotMatch(printed.join('\n'), /style/);
    for (const [index, thing] of ['a car', 'a dog', 'a hat', 'a cup', 'a bus'].entries())
      writeFileSync(join(folder, `ron_${index + 1}.txt`), `${thing} in Lumen style`);
    await build({ force: true });
    await datasetCheck(folder, {}, {});
    assert.match(printed.join('\n'), /names a style: a job trains it as one/);
  });

  it('is built from a captions file where there is one', async () => {
    writeFileSync(
      join(folder, 'captions.csv'),
      [1, 2, 3, 4, 5].map(number => `ron_${number}.png,"A, ${number}"`).join('\n'),
    );
    await build();
    assert.equal(JSON.parse(manifest()[4] ?? '').caption, 'A, 5');
  });

  it('puts trigger word, prefix and suffix into captions, and tells which lack the trigger word', async () => {
    writeFileSync(join(folder, 'ron_2.txt'), 'on a couch');
    writeFileSync(join(folder, 'ron_3.txt'), '[trigger] on a couch');
    await build();
    await datasetCheck(folder, { trigger: 'Ron the dog' }, {});
    assert.match(printed.at(-2) ?? '', /^1 of 5 captions do not name "Ron the dog" \(line 2\)/);
    await build({ force: true, trigger: 'Ron the dog', prefix: 'a drawing of', suffix: ', flat colours' });
    const captions = manifest().map(line => JSON.parse(line).caption);
    const worded = 'a drawing of Ron the dog on a couch, flat colours';
    assert.deepEqual(captions.slice(0, 3), ['a drawing of Ron the dog number 1, flat colours', worded, worded]);
    printed.length = 0;
    await datasetCheck(folder, { trigger: 'Ron the dog' }, {});
    assert.equal(printed.length, 1);
  });

  it('takes captions in UTF-8, and in UTF-16 by its byte order mark, alone', async () => {
    writeFileSync(join(folder, 'ron_2.txt'), Buffer.from('caf\xe9 dog', 'latin1'));
    await assert.rejects(build(), /ron_2\.txt is not UTF-8 text/);
    writeFileSync(join(folder, 'ron_2.txt'), '\ufeffcafé dog');
    writeFileSync(join(folder, 'ron_3.txt'), Buffer.from('\ufeffRon in the café\r\n', 'utf16le'));
    await build();
    const captions = manifest().map(line => JSON.parse(line).caption);
    assert.deepEqual(captions.slice(1, 3), ['café dog', 'Ron in the café']);
  });

  it('is built from folders of several subjects as trainers lay them out, and then passes the check', async () => {
    for (const [index, subject] of ['1_ron dog', '1_smila cat'].entries()) {
      mkdirSync(join(folder, subject, 'masks'), { recursive: true });
      writeFileSync(join(folder, subject, '1.png'), png(640, 512, 7 + index));
      writeFileSync(join(folder, subject, '1.caption'), `${subject.slice(-3)} on a couch`);
      writeFileSync(join(folder, subject, 'masks', '1.png'), png(640, 512));
    }
    renameSync(join(folder, 'ron_5.txt'), join(folder, 'ron_5.TXT'));
    await build();
    assert.deepEqual(
      manifest()
        .slice(0, 2)
        .map(line => JSON.parse(line)),
      ['1_ron dog', '1_smila cat'].map(subject => ({
        'image-ref': `s3://bucket/data/${subject}/1.png`,
        caption: `${subject.slice(-3)} on a couch`,
        'mask-ref': `s3://bucket/data/${subject}/masks/1.png`,
      })),
    );
    await datasetCheck(folder, {}, {});
    assert.match(printed.at(-1) ?? '', /7 records, all good/);
  });

  it('finds pictures that a captions file names by the path that they had on another machine', async () => {
    writeFileSync(
      join(folder, 'captions.csv'),
      [1, 2, 3, 4, 5].map(number => `/home/ana/train/ron_${number}.png,"A, ${number}"`).join('\n'),
    );
    await build();
    assert.equal(JSON.parse(manifest()[4] ?? '')['image-ref'], 's3://bucket/data/ron_5.png');
  });

  it('writes over no manifest unless told', async () => {
    await build();
    await assert.rejects(build(), /exists already\. Add --force/);
    await build({ force: true });
  });

  it('is not built with an image without a caption, or one too few', async () => {
    rmSync(join(folder, 'ron_2.txt'));
    await assert.rejects(build(), /1 of the images .* cannot be used; nothing was written/);
    assert.match(printed.join('\n'), /ron_2\.png: has no caption: write it into ron_2\.txt/);
    rmSync(join(folder, 'ron_2.png'));
    await assert.rejects(build(), /must be 5 to 10,000; the file has 4/);
  });

  it('refuses a prefix that is no S3 URI, and a folder that is none', async () => {
    await assert.rejects(build({ s3Prefix: 'bucket/data' }), /--s3-prefix must be s3:\/\/bucket/);
    await assert.rejects(datasetBuild(join(folder, 'absent'), { s3Prefix: 's3://bucket' }), /is not a folder/);
  });

  it('fails the check with the number of each bad line', async () => {
    await build();
    writeFileSync(join(folder, 'ron_3.png'), png(640, 511));
    writeFileSync(join(folder, 'ron_4.png'), 'GIF89a');
    rmSync(join(folder, 'ron_5.png'));
    await assert.rejects(datasetCheck(join(folder, 'train.jsonl'), {}, {}), /3 of 5 records .* cannot be trained on/);
    const told = printed.join('\n');
    assert.match(
      told,
      /line 3 \(s3:\/\/bucket\/data\/ron_3\.png\): is 640 × 511 pixels: each side must be at least 512/,
    );
    assert.match(told, /line 4 .*: is a GIF, not a JPEG or PNG/);
    assert.match(told, /line 5 .*: does not exist/);
  });

  it('fails the check for a picture that is cut short, as a job would', async () => {
    await build();
    writeFileSync(join(folder, 'ron_2.png'), png(640, 512).subarray(0, 40));
    await assert.rejects(datasetCheck(folder, {}, {}), /1 of 5 records/);
    assert.match(printed.join('\n'), /line 2 \(.*ron_2\.png\): is cut short: its PNG data has no end/);
  });

  it('looks at masks too: that they are there, pictures, and of their image’s aspect', async () => {
    await build();
    const lines = manifest().map((line, index) => ({
      ...JSON.parse(line),
      'mask-ref': `s3://bucket/data/mask_${index}.png`,
    }));
    writeFileSync(join(folder, 'train.jsonl'), lines.map(line => JSON.stringify(line)).join('\n'));
    for (const [index, mask] of [png(640, 512), png(80, 64), png(640, 320), 'GIF89a'].entries())
      writeFileSync(join(folder, `mask_${index}.png`), mask);
    await assert.rejects(datasetCheck(join(folder, 'train.jsonl'), {}, {}), /3 of 5 records .* cannot be trained on/);
    const told = printed.join('\n');
    assert.match(told, /line 3 .*: its mask \(mask-ref\) is 640 × 320 pixels, the image 640 × 512/);
    assert.match(told, /line 4 .*: its mask \(mask-ref\) is a GIF/);
    assert.match(told, /line 5 .*: its mask \(mask-ref\) does not exist/);
  });

  it('says in one line when there is nothing to check', async () => {
    await assert.rejects(datasetCheck(join(folder, 'absent'), {}, {}), /there is nothing at/);
    await assert.rejects(datasetCheck('s3://', {}, {}), /is no S3 URI/);
  });

  it('that is no data set yet is told by the check what to do', async () => {
    const check = () => datasetCheck(folder, {}, {});
    await assert.rejects(check(), /holds pictures and no train\.jsonl: make one\. Run: npx .* dataset build/);
    const lines = [1, 2, 3, 4, 5].map(number => ({ 'image-ref': `ron_${number}.png`, caption: `Ron, ${number}` }));
    writeFileSync(join(folder, 'captions.jsonl'), lines.map(line => JSON.stringify(line)).join('\n'));
    await assert.rejects(
      check(),
      /captions\.jsonl is a captions file: make a manifest of it first\. Run: npx .* build/,
    );
    await assert.rejects(datasetCheck(join(folder, 'captions.jsonl'), {}, {}), /is a captions file/);
    const hub = lines.map(({ caption, 'image-ref': file_name }) => JSON.stringify({ file_name, caption }));
    writeFileSync(join(folder, 'pairs.jsonl'), hub.join('\n'));
    await assert.rejects(check(), /pairs\.jsonl is a captions file/);
    assert.deepEqual(printed, [], 'not a line of it is taken for a record');
    // Whole URIs make a manifest, whatever its name.
    await build({ output: join(folder, 'captions.jsonl'), force: true });
    rmSync(join(folder, 'pairs.jsonl'));
    await check();
    assert.match(printed.at(-1) ?? '', /5 records, all good/);
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    await assert.rejects(datasetCheck(empty, {}, {}), /neither a train\.jsonl nor pictures\. Put at least 5 pictures/);
  });

  it('leaves out and names what a job would refuse, and is built of the rest', async () => {
    writeFileSync(join(folder, 'dog.gif'), 'GIF89a..........');
    writeFileSync(join(folder, 'dog.txt'), 'Ron the dog');
    writeFileSync(join(folder, 'small.png'), png(300, 512));
    writeFileSync(join(folder, 'cut.png'), png(640, 512).subarray(0, 40));
    // Content decides, not the name.
    renameSync(join(folder, 'ron_5.png'), join(folder, 'ron_5.webp'));
    writeFileSync(join(folder, 'again.png'), png(640, 512, 1));
    writeFileSync(join(folder, 'again.txt'), 'Ron the dog again');
    await build();
    assert.equal(manifest().length, 6);
    assert.match(manifest()[5] ?? '', /ron_5\.webp/);
    assert.deepEqual(printed.slice(0, 4), [
      'left out: cut.png: is cut short: its PNG data has no end',
      'left out: dog.gif: is a GIF, not a JPEG or PNG',
      'left out: small.png: is 300 × 512 pixels: each side must be at least 512',
      'ron_1.png: is the same picture as again.png, and counts twice',
    ]);
    assert.match(printed[4] ?? '', /train\.jsonl: 6 records, 3 pictures left out, 1 picture there twice\.$/);
    await datasetCheck(folder, {}, {});
    writeFileSync(join(folder, 'captions.csv'), [1, 2, 3, 4].map(number => `ron_${number}.png,Ron`).join('\n'));
    await assert.rejects(build({ force: true }), /must be 5 to 10,000; the file has 4\. Nothing was written/);
    assert.ok(printed.includes('left out: ron_5.webp: captions.csv has no caption for it'));
  });

  it('weighs the folders of kohya’s scripts by their numbers, and takes their names for captions that are missing', async () => {
    const concepts = { '20_Ron the dog': 3, '10_Smila the cat': 2, '2024_holidays': 1 };
    for (const [name, count] of Object.entries(concepts)) {
      mkdirSync(join(folder, name));
      for (let number = 1; number <= count; number += 1)
        writeFileSync(join(folder, name, `${number}.png`), png(640, 512, 10 * count + number));
    }
    await assert.rejects(build(), /1 of the images/);
    assert.match(printed.join('\n'), /2024_holidays\/1\.png: has no caption/, 'a year is no number of repeats');
    writeFileSync(join(folder, '2024_holidays', '1.txt'), 'Ron on holidays');
    writeFileSync(join(folder, '10_Smila the cat', '1.txt'), 'Smila on a wall');
    await assert.rejects(build(), /1 of the images/);
    assert.match(printed.join('\n'), /10_Smila the cat\/2\.png: has no caption/, 'one was forgotten beside another');
    writeFileSync(join(folder, '10_Smila the cat', '2.txt'), 'Smila asleep');
    await build();
    const records = manifest().map(line => JSON.parse(line));
    const named = (text: string) => records.filter(({ caption }) => caption === text).length;
    // Those outside count once, so the numbers have no common divisor but 1.
    assert.deepEqual([named('Ron the dog'), named('Smila asleep'), named('Ron on holidays')], [60, 10, 1]);
    assert.ok(printed.includes('20_Ron the dog: each picture counts 20 times, by the numbers of the folders'));
    for (const number of [1, 2, 3, 4, 5]) rmSync(join(folder, `ron_${number}.png`));
    rmSync(join(folder, '2024_holidays'), { recursive: true });
    await build({ force: true });
    assert.equal(manifest().length, 3 * 2 + 2, 'only proportions count');
    assert.match(printed.at(-2) ?? '', /train\.jsonl: 8 records\.$/);
  });
});
