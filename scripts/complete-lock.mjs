// node scripts/complete-lock.mjs: run after every `npm install` that changed package-lock.json.
// A registry mirror may not carry the packages of other platforms (the macOS build of a linter, say). npm then leaves
// them out of the lock file, and `npm ci` refuses a lock file in which an optional dependency is missing. Their versions
// are exact in their parent, and their names say the platform, so the entries can be written without fetching anything.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './setup/process.mjs';

const systems = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const processors = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

const path = join(projectRoot, 'package-lock.json');
const lock = JSON.parse(readFileSync(path, 'utf8'));
const added = [];
for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`;
    if (lock.packages[key]) continue;
    const words = name.split(/[/-]/);
    const os = words.filter(word => systems.includes(word));
    const cpu = words.filter(word => processors.includes(word));
    if (!/^\d+\.\d+\.\d+/.test(version) || os.length !== 1 || cpu.length !== 1)
      throw new Error(`${name}@${version}: neither an exact version nor a name that says the platform.`);
    const libc = words.some(word => word.startsWith('musl')) ? ['musl'] : words.includes('gnu') ? ['glibc'] : undefined;
    lock.packages[key] = { version, cpu, ...(parent.dev && { dev: true }), ...(libc && { libc }), optional: true, os };
    added.push(name);
  }
}
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).sort(([left], [right]) => (left < right ? -1 : left > right ? 1 : 0)),
);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
console.log(added.length === 0 ? 'The lock file is complete.' : `Added ${added.length}: ${added.join(', ')}`);
