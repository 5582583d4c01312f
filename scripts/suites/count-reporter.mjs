// A reporter for `node --test`: one JSON line at the end with the totals, and each failure in full before it.
/** @param {AsyncIterable<{ type: string, data: any }>} events */
export default async function* countReporter(events) {
  const totals = { passed: 0, failed: 0, skipped: 0, skipReasons: /** @type {string[]} */ ([]) };
  for await (const { type, data } of events) {
    if (type === 'test:pass' && data.skip !== undefined) {
      totals.skipped += 1;
      const reason = typeof data.skip === 'string' ? data.skip : 'no reason given';
      if (!totals.skipReasons.includes(reason)) totals.skipReasons.push(reason);
    } else if (type === 'test:pass' && isTest(data)) totals.passed += 1;
    else if (type === 'test:fail' && isOwnFailure(data)) {
      totals.failed += 1;
      const error = data.details?.error;
      const cause = error?.cause ?? error;
      yield `✗ ${data.name}\n  ${data.file ?? ''}:${data.line ?? ''}\n${indent(String(cause?.stack ?? cause))}\n`;
    }
  }
  yield `totals ${JSON.stringify(totals)}\n`;
}

/** A `describe` block and a file are not tests of their own. */
function isTest(data) {
  return data.details?.type !== 'suite' && data.name !== data.file;
}

/** A parent fails because its subtests did: those are counted already. */
function isOwnFailure(data) {
  return data.details?.error?.failureType !== 'subtestsFailed';
}

function indent(text) {
  return text.replaceAll(/^/gm, '  ');
}
