import { type Config, type ConfigOverrides, readConfig } from '../config.ts';
import { CliFailure } from './failure.ts';

export interface ServiceFlags {
  port?: string;
  host?: string;
  tlsPort?: string;
  data?: string;
  region?: string;
  logLevel?: string;
  insecure?: boolean;
}

const VARIABLES = {
  port: 'LIKENESS_PORT',
  tlsPort: 'LIKENESS_TLS_PORT',
  host: 'LIKENESS_HOST',
  data: 'LIKENESS_DATA',
  region: 'LIKENESS_REGION',
  logLevel: 'LIKENESS_LOG_LEVEL',
} as const;

/**
 * Flags over environment over defaults.
 * @throws CliFailure in one line, naming the flag where the value came from a flag
 */
export function settings(flags: ServiceFlags, environment: NodeJS.ProcessEnv, overrides: ConfigOverrides = {}): Config {
  const merged = { ...environment };
  const flagNames = new Map<string, string>();
  for (const [flag, variable] of Object.entries(VARIABLES)) {
    const value = flags[flag as keyof typeof VARIABLES];
    if (value === undefined) continue;
    merged[variable] = value;
    flagNames.set(variable, `--${flag.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)}`);
  }
  if (flags.insecure) merged.LIKENESS_INSECURE = 'on';
  try {
    return readConfig(merged, overrides);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new CliFailure(message.replace(/LIKENESS_[A-Z_]+/, name => flagNames.get(name) ?? name));
  }
}
