import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { CreateUserCommand } from '@aws-sdk/client-iam';
import { newProduct, whySkipped } from './product.ts';

const skip = whySkipped ?? false;
const CALLERS = 8;

test('Killed between calls, the server has every answered call in its audit trail, and each line is whole', {
  skip,
}, async context => {
  const product = newProduct(context);
  await product.up();
  const answered: string[] = [];
  const calling = Array.from({ length: CALLERS }, async (_, caller) => {
    const iam = product.iam();
    for (let count = 0; ; count++) {
      const UserName = `user-${caller}-${count}`;
      const isAnswered = await iam.send(new CreateUserCommand({ UserName })).then(
        () => true,
        () => false,
      );
      if (!isAnswered) return;
      answered.push(UserName);
    }
  });
  while (answered.length < 40) await delay(20);
  await product.crash();
  await Promise.all(calling);
  await product.up();
  await product.iam().send(new CreateUserCommand({ UserName: 'afterwards' }));

  const folder = join(product.data, 'trail');
  const lines = readdirSync(folder)
    .filter(name => name.endsWith('.jsonl'))
    .flatMap(name => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n'));
  const recorded = lines.map(line => JSON.parse(line).requestParameters?.userName);
  assert.deepEqual(
    [...answered, 'afterwards'].filter(name => recorded.filter(other => other === name).length !== 1),
    [],
  );
});
