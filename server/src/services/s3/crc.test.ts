import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CRC32, CRC32C, CRC64NVME, type CrcAlgorithm, combineCrc } from './crc.ts';

const algorithms = { CRC32, CRC32C, CRC64NVME };

function check(algorithm: CrcAlgorithm, ...chunks: Uint8Array[]): bigint {
  const running = algorithm.start();
  for (const chunk of chunks) running.update(chunk);
  return running.value();
}

test('the published check values come out', () => {
  const digits = Buffer.from('123456789');
  assert.equal(check(CRC32, digits), 0xcbf43926n);
  assert.equal(check(CRC32C, digits), 0xe3069283n);
  assert.equal(check(CRC64NVME, digits), 0xae8b14860a799888n);
  // RFC 3720, B.4: 32 bytes of zeros; NVMe 2.0, figure 86: 4 KiB of zeros.
  assert.equal(check(CRC32C, Buffer.alloc(32)), 0x8a9136aan);
  assert.equal(check(CRC64NVME, Buffer.alloc(4096)), 0x6482d367eb22b64en);
});

for (const [name, algorithm] of Object.entries(algorithms)) {
  test(`${name}: chunks make no difference`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, cut) => {
        assert.equal(check(algorithm, bytes.subarray(0, cut), bytes.subarray(cut)), check(algorithm, bytes));
      }),
    );
  });

  test(`${name}: the check of two strings follows from the check of each`, () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (first, second) => {
        const combined = combineCrc(algorithm, check(algorithm, first), check(algorithm, second), second.length);
        assert.equal(combined, check(algorithm, first, second));
      }),
    );
  });
}
