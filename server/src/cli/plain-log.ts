import { type Logger, pino, stdSerializers } from 'pino';

const ERROR_LEVEL = 50;

interface LogLine {
  level: number;
  time: number;
  msg: string;
  [name: string]: unknown;
}

/**
 * Warnings and errors in plain words, between the lines that a command prints for people. Who sets a log level gets lines of JSON,
 * for programs.
 */
export function plainLog(write: (text: string) => void = text => process.stderr.write(text)): Logger {
  const serializers = { err: stdSerializers.err, error: stdSerializers.err };
  return pino(
    { level: 'warn', base: null, serializers },
    { write: (line: string) => write(inWords(JSON.parse(line))) },
  );
}

function inWords({ level, time, msg, err, error = err, ...facts }: LogLine): string {
  const fault = error as { message?: string; stack?: string } | undefined;
  const named = Object.entries(facts).map(
    ([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  const reason = fault?.message === undefined ? '' : `: ${fault.message}`;
  const first = `${level >= ERROR_LEVEL ? '✗' : '!'} ${clock(time)} ${msg}${reason}${named.length > 0 ? ` (${named.join(', ')})` : ''}\n`;
  // Of what nobody expected, the stack is what helps to mend it.
  return level >= ERROR_LEVEL && fault?.stack !== undefined ? `${first}${fault.stack}\n` : first;
}

/** Of the machine's own time zone: 14:03:22. */
function clock(time: number): string {
  return new Date(time).toTimeString().slice(0, 8);
}
