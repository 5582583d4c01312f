import { spawn } from 'node:child_process';
import { projectRoot } from '../setup/process.mjs';

/** What a suite found. A check (types, lint, …) counts as one test. */
export interface Outcome {
  passed: number;
  failed: number;
  skipped: number;
  /** Printed where there is any: what failed and where, or a benchmark's figures. */
  report: string;
  /** Why the suite, or a part of it, was not run. */
  skipReasons: string[];
}

export interface Suite {
  name: string;
  /** Only with `npm run test:full`. */
  full?: boolean;
  run(): Promise<Outcome>;
}

export const passed = (count = 1): Outcome => ({ passed: count, failed: 0, skipped: 0, report: '', skipReasons: [] });
export const failed = (report: string): Outcome => ({ ...passed(0), failed: 1, report });
export const skipped = (reason: string): Outcome => ({ ...passed(0), skipped: 1, skipReasons: [reason] });

/** A benchmark: its figures are printed, and it fails when it cannot measure. Only with `npm run test:full`. */
export function benchSuite(name: string, command: string, commandArguments: readonly string[]): Suite {
  return {
    name,
    full: true,
    async run() {
      const { code, output } = await runCommand(command, commandArguments, { timeoutSeconds: 7200 });
      return code === 0 ? { ...passed(), report: output } : failed(output);
    },
  };
}

export interface CommandResult {
  code: number;
  /** stdout and stderr together, colours removed. */
  output: string;
}

/**
 * Runs a command (in the project's root unless told) and collects what it prints.
 * @param timeoutSeconds past it the whole process group is killed and the code is 124
 */
export function runCommand(
  command: string,
  commandArguments: readonly string[],
  {
    timeoutSeconds = 600,
    environment = {},
    cwd = projectRoot,
  }: { timeoutSeconds?: number; environment?: Record<string, string>; cwd?: string } = {},
): Promise<CommandResult> {
  return new Promise(settle => {
    const child = spawn(command, commandArguments, {
      cwd,
      // A process group of its own: a test that hangs must not leave servers and workers behind.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: '0', ...environment },
    });
    running.add(child);
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', chunk => (output += String(chunk)));
    const timer = setTimeout(() => {
      output += `\nkilled after ${timeoutSeconds} s`;
      killGroup(child.pid);
    }, timeoutSeconds * 1000);
    const finish = (code: number) => {
      clearTimeout(timer);
      running.delete(child);
      killGroup(child.pid);
      settle({ code, output: stripColours(output) });
    };
    child.on('error', error => {
      output += error.message;
      finish(127);
    });
    // Not 'close': a process that a test left behind would hold the pipes open for ever.
    child.on('exit', code => setTimeout(() => finish(code ?? 124), 200));
  });
}

const running = new Set<{ pid?: number | undefined }>();

/** Ends everything that still runs: Ctrl-C on `npm test` leaves no process behind. */
export function killRunningCommands(): void {
  for (const child of running) killGroup(child.pid);
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // The group is gone: what we want.
  }
}

function stripColours(text: string): string {
  return text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g'), '');
}
