import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { readImageFacts, readImageHeader } from './image-facts.ts';

function segment(marker: number, body: number[]): number[] {
  return [0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255, ...body];
}

function exif(orientation: number, little: boolean): number[] {
  const short = (value: number) => (little ? [value & 255, value >> 8] : [value >> 8, value & 255]);
  const long = (value: number) => (little ? [...short(value), 0, 0] : [0, 0, ...short(value)]);
  const entry = [...short(0x0112), ...short(3), ...long(1), ...short(orientation), 0, 0];
  const order = little ? [0x49, 0x49] : [0x4d, 0x4d];
  return segment(0xe1, [0x45, 0x78, 0x69, 0x66, 0, 0, ...order, ...short(42), ...long(8), ...short(1), ...entry]);
}

function jpeg(before: number[], frame = 0xc0, width = 640, height = 480): Uint8Array {
  const frameBody = [8, height >> 8, height & 255, width >> 8, width & 255, 3];
  return Uint8Array.from([0xff, 0xd8, ...before, ...segment(frame, frameBody), 0xff, 0xda, 1, 2, 0xff, 0xd9]);
}

function png(width: number, height: number): Uint8Array {
  const bytes = Buffer.alloc(33);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]);
  bytes.write('IHDR', 12);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes;
}

function factsOf(bytes: Uint8Array) {
  const header = readImageHeader(bytes, true);
  assert.equal(header.kind, 'image');
  return header.kind === 'image' ? header.facts : undefined;
}

test('Baseline and progressive JPEG and PNG tell their sides', () => {
  assert.deepEqual(factsOf(jpeg([])), { format: 'JPEG', width: 640, height: 480 });
  assert.deepEqual(factsOf(jpeg([], 0xc2)), { format: 'JPEG', width: 640, height: 480 });
  assert.deepEqual(factsOf(png(700, 900)), { format: 'PNG', width: 700, height: 900 });
});

test('An EXIF orientation that lies on its side swaps the sides, in both byte orders', () => {
  for (const little of [true, false]) {
    assert.deepEqual(factsOf(jpeg(exif(6, little))), { format: 'JPEG', width: 480, height: 640 });
    assert.deepEqual(factsOf(jpeg(exif(3, little))), { format: 'JPEG', width: 640, height: 480 });
  }
});

test('Other segments, Huffman tables and fill bytes before the frame are stepped over', () => {
  const before = [...segment(0xe2, Array(300).fill(7)), 0xff, ...segment(0xc4, [0, 0, 0]), ...segment(0xfe, [65])];
  assert.deepEqual(factsOf(jpeg(before)), { format: 'JPEG', width: 640, height: 480 });
});

test('A header past the bytes at hand asks for more, and is cut short when there are no more', () => {
  const bytes = jpeg(segment(0xe2, Array(300).fill(7))).subarray(0, 100);
  assert.deepEqual(readImageHeader(bytes, false), { kind: 'needsMore' });
  assert.deepEqual(readImageHeader(bytes, true), { kind: 'unusable', reason: 'is cut short inside its header' });
});

test('Other formats are named by their content', () => {
  const reason = (text: string) => {
    const header = readImageHeader(Buffer.from(text, 'latin1'), true);
    return header.kind === 'unusable' ? header.reason : header.kind;
  };
  assert.equal(reason('GIF89a..........'), 'is a GIF, not a JPEG or PNG');
  assert.equal(reason('RIFF....WEBPVP8 '), 'is a WebP, not a JPEG or PNG');
  assert.equal(reason('<html>'), 'is another kind of file, not a JPEG or PNG');
  assert.equal(reason(''), 'is empty, not a JPEG or PNG');
});

test('An image without its end is cut short, whatever the thumbnail in its header ends with and a film behind it holds', async () => {
  const told = (bytes: Uint8Array) =>
    readImageFacts(bytes.length, async (position, length) => bytes.subarray(position, position + length));
  const photograph = jpeg(segment(0xe1, [1, 2, 0xff, 0xd9]));
  const film = new Uint8Array(200_000);
  assert.deepEqual(await told(photograph), { format: 'JPEG', width: 640, height: 480 });
  assert.deepEqual(await told(Buffer.concat([photograph, film])), { format: 'JPEG', width: 640, height: 480 });
  assert.equal(await told(photograph.subarray(0, -2)), 'is cut short: its JPEG data has no end');
  assert.equal(await told(Buffer.concat([photograph.subarray(0, -2), film])), 'is cut short: its JPEG data has no end');
  assert.equal(await told(png(1, 1)), 'is cut short: its PNG data has no end');
  const header = jpeg([
    ...segment(0xe1, Array(60_000).fill(1)),
    ...segment(0xe1, Array(60_000).fill(1)),
    ...segment(0xe1, Array(60_000).fill(1)),
  ]);
  assert.deepEqual(await told(header), { format: 'JPEG', width: 640, height: 480 });
});

test('No bytes make the reader throw', () => {
  const start = fc.constantFrom(
    [],
    [0xff, 0xd8, 0xff],
    [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
    exif(6, true),
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 200 }), (prefix, rest) => {
      readImageHeader(Uint8Array.from([...prefix, ...rest]), true);
      readImageHeader(Uint8Array.from([0xff, 0xd8, ...exif(6, true), ...rest]), false);
    }),
  );
});
