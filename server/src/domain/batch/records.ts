/**
 * Records of a batch inference job (bedrock-facts.md §8): one JSON object a line, `{"recordId": "…", "modelInput": {…}}`,
 * answered by one line each that holds the same and `modelOutput`, or `error`.
 */

import { isDense, MOST_MARKS } from '../dense-json.ts';

/**
 * A line of input; `problem`: what is wrong with it, which fails the job in validation (an error record in a job that an
 * earlier version of the server validated). It never quotes the line: that holds a prompt.
 */
export interface BatchRecord {
  recordId: string;
  /** Absent where the line does not say. */
  modelInput?: unknown;
  problem?: string;
}

export interface RecordError {
  errorCode: number;
  errorMessage: string;
}

export interface RecordCounts {
  totalRecordCount: number;
  processedRecordCount: number;
  successRecordCount: number;
  errorRecordCount: number;
}

const RECORD_ID = /^[A-Za-z0-9._-]{1,256}$/;

/**
 * Reads a line.
 * @param number of the record in the whole job, from 1: makes the id of a record that has none, the same at each reading
 */
export function parseRecord(line: string, number: number): BatchRecord {
  const generated = `R${String(number).padStart(10, '0')}`;
  if (isDense(line)) return { recordId: generated, problem: `The line has more than ${MOST_MARKS} members and items.` };
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { recordId: generated, problem: 'The line is not JSON.' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { recordId: generated, problem: 'The line is not a JSON object.' };
  const { recordId, modelInput } = value as { recordId?: unknown; modelInput?: unknown };
  const input = modelInput === undefined ? {} : { modelInput };
  if (recordId !== undefined && (typeof recordId !== 'string' || !RECORD_ID.test(recordId)))
    return {
      recordId: generated,
      ...input,
      problem: 'recordId must be a string of 1 to 256 letters, digits, dots, hyphens and underscores.',
    };
  const record = { recordId: recordId ?? generated, ...input };
  if (typeof modelInput !== 'object' || modelInput === null || Array.isArray(modelInput))
    return { ...record, problem: 'modelInput must be a JSON object: the body of an InvokeModel request.' };
  return record;
}

/** The line of output for a record, with its newline. */
export function outputLine(record: BatchRecord, result: { modelOutput: unknown } | { error: RecordError }): string {
  const { problem: _problem, ...sent } = record;
  return `${JSON.stringify({ ...sent, ...result })}\n`;
}

/** manifest.json.out. Images have no tokens; AWS's members are there all the same. */
export function batchManifest(counts: RecordCounts): string {
  return JSON.stringify({ ...counts, inputTokenCount: 0, outputTokenCount: 0 });
}
