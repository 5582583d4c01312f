/** The files of one batch job, `DATA/batch/<jobId>/`: its input as it was read, and the output that grows beside it. */
import { mkdir, open, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import limits from '../../../contract/limits.json' with { type: 'json' };
import { JobFailure } from './job-failure.ts';

const READ_BYTES = 1024 * 1024;
const NEWLINE = 0x0a;
/** A record holds the body of an InvokeModel, and an id. */
const MAXIMUM_LINE_BYTES = limits.invokeBody.maximumSizeBytes + READ_BYTES;

export type BatchFolder = ReturnType<typeof batchFolder>;

/** @param root `DATA/batch/<jobId>` */
export function batchFolder(root: string) {
  const inputPath = (file: number) => join(root, `${file}.in`);
  const outputPath = (file: number) => join(root, `${file}.out`);
  return {
    inputPath,
    outputPath,

    prepare: () => mkdir(root, { recursive: true, mode: 0o700 }).then(() => undefined),

    /** Prompts and images do not outlive the job. */
    delete: () => rm(root, { recursive: true, force: true }),

    /** Appends whole lines durably: they are there after kill -9 once this resolves. @returns the file's size */
    async append(file: number, line: string): Promise<number> {
      const handle = await open(outputPath(file), 'a', 0o600);
      try {
        await handle.appendFile(line);
        await handle.sync();
        return (await handle.stat()).size;
      } finally {
        await handle.close();
      }
    },

    cut: (file: number, sizeBytes: number) => truncate(outputPath(file), sizeBytes),

    /**
     * What stands behind the offset that the row knows of: a whole line is a record that was drawn just before a crash;
     * a torn one is cut off.
     */
    async takeTail(file: number, offsetBytes: number): Promise<string | undefined> {
      const handle = await open(outputPath(file), 'a+', 0o600);
      try {
        const { size } = await handle.stat();
        if (size <= offsetBytes) return undefined;
        const { buffer } = await handle.read(Buffer.alloc(size - offsetBytes), { position: offsetBytes });
        const end = buffer.indexOf(NEWLINE) + 1;
        if (offsetBytes + end < size) await truncate(outputPath(file), offsetBytes + end);
        return end === 0 ? undefined : buffer.toString('utf8', 0, end);
      } finally {
        await handle.close();
      }
    },
  };
}

/**
 * Lines of a JSONL file that are not blank, one after another.
 * @param offsetBytes where to begin: the `endBytes` of the line before
 * @returns with each its number, counted from there, blank lines too
 */
export async function* linesOf(
  path: string,
  offsetBytes = 0,
): AsyncGenerator<{ line: string; lineNumber: number; endBytes: number }> {
  const file = await open(path);
  try {
    let position = offsetBytes;
    let kept: Buffer[] = [];
    let keptBytes = 0;
    let lineEnd = offsetBytes;
    let lineNumber = 0;
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(READ_BYTES), { position });
      if (bytesRead === 0) break;
      position += bytesRead;
      let from = 0;
      for (let at = buffer.indexOf(NEWLINE); at >= 0 && at < bytesRead; at = buffer.indexOf(NEWLINE, from)) {
        const bytes = Buffer.concat([...kept, buffer.subarray(from, at)]);
        kept = [];
        from = at + 1;
        lineEnd += bytes.length + 1;
        lineNumber += 1;
        const line = textOf(bytes);
        if (line !== '') yield { line, lineNumber, endBytes: lineEnd };
      }
      kept.push(buffer.subarray(from, bytesRead));
      keptBytes = from > 0 ? bytesRead - from : keptBytes + bytesRead;
      if (keptBytes > MAXIMUM_LINE_BYTES)
        throw new JobFailure(
          `A record of the input has more than ${MAXIMUM_LINE_BYTES} bytes: it is longer than any InvokeModel request.`,
        );
    }
    const rest = Buffer.concat(kept);
    const line = textOf(rest);
    if (line !== '') yield { line, lineNumber: lineNumber + 1, endBytes: lineEnd + rest.length };
  } finally {
    await file.close();
  }
}

function textOf(bytes: Buffer): string {
  return bytes
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trim();
}
