import assert from 'node:assert/strict';
import test from 'node:test';
import { jpegOrientation } from './jpeg-orientation.ts';

/** A JPEG's beginning: an application segment of no interest, then Exif with one tag, then the picture's data. */
function jpeg(orientation: number, order: 'II' | 'MM'): ArrayBuffer {
  const number = (value: number, bytes: number): number[] => {
    const big = Array.from({ length: bytes }, (_, index) => (value >> (8 * (bytes - 1 - index))) & 255);
    return order === 'II' ? big.reverse() : big;
  };
  const text = (value: string): number[] => [...value].map(letter => letter.charCodeAt(0));
  const tag = [...number(0x0112, 2), ...number(3, 2), ...number(1, 4), ...number(orientation, 2), 0, 0];
  const tiff = [...text(order), ...number(42, 2), ...number(8, 4), ...number(1, 2), ...tag, ...number(0, 4)];
  const exif = [...text('Exif'), 0, 0, ...tiff];
  const bytes = [0xff, 0xd8, 0xff, 0xe0, 0, 4, 1, 1, 0xff, 0xe1, 0, exif.length + 2, ...exif, 0xff, 0xda, 0, 2];
  return new Uint8Array(bytes).buffer;
}

test('how a camera held a JPEG is read in either order of bytes', () => {
  for (const order of ['II', 'MM'] as const)
    for (const orientation of [1, 3, 6, 8]) assert.equal(jpegOrientation(jpeg(orientation, order)), orientation);
});

test('a JPEG without the tag, one that ends early and what is no JPEG are upright', () => {
  const whole = jpeg(6, 'MM');
  assert.equal(jpegOrientation(new Uint8Array([0xff, 0xd8, 0xff, 0xda, 0, 2]).buffer), 1);
  for (const end of [0, 3, 14, 30]) assert.equal(jpegOrientation(whole.slice(0, end)), 1);
  assert.equal(jpegOrientation(new TextEncoder().encode('no picture at all').buffer as ArrayBuffer), 1);
});
