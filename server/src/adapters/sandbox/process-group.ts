/**
 * Processes by pid, kernel start time and boot: the identity that survives a restart of the server and is never mistaken
 * for a reused pid. Linux only (/proc).
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface GroupLeader {
  pid: number;
  /** Clock ticks since boot. */
  startTicks: number;
  bootId: string;
}

interface ProcessStat {
  pid: number;
  state: string;
  groupId: number;
  startTicks: number;
}

/** How often an ending group is looked at. */
const POLL_MILLISECONDS = 50;

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** The identity of a living (or not yet reaped) process that leads its group. @throws when there is no such process. */
export function leaderOf(pid: number): GroupLeader {
  const stat = readStat(pid);
  if (!stat) throw new Error(`there is no process ${pid}`);
  return { pid, startTicks: stat.startTicks, bootId: bootId() };
}

/**
 * Pids of the leader's process group that still run. The group outlives its leader: SIGTERM ends bubblewrap's outer
 * process at once, while the worker inside may take its time to write a checkpoint.
 */
export function livingMembers(leader: GroupLeader): number[] {
  if (leader.bootId !== bootId()) return [];
  const first = readStat(leader.pid);
  // The kernel gives out a pid again only when no process and no group carries it: another start time means that the
  // whole group of the lease is gone.
  if (first && first.startTicks !== leader.startTicks) return [];
  if (first && isRunning(first) && first.groupId !== leader.pid) return [leader.pid];
  return allStats()
    .filter(stat => stat.groupId === leader.pid && stat.startTicks >= leader.startTicks && isRunning(stat))
    .map(stat => stat.pid);
}

/** SIGTERM to the whole group, SIGKILL after the grace; resolves when none of it runs. */
export async function endGroup(leader: GroupLeader, graceSeconds: number): Promise<void> {
  if (livingMembers(leader).length === 0) return;
  signalGroup(leader, 'SIGTERM');
  if (await vanishes(leader, graceSeconds)) return;
  // Inside a sandbox SIGKILL reaches the init of its pid namespace, and the kernel then kills all that it holds.
  do signalGroup(leader, 'SIGKILL');
  while (!(await vanishes(leader, 1)));
}

/** The group that runs a command with this exact argument; undefined where none does. */
export function findByArgument(argument: string): GroupLeader | undefined {
  const found = allStats().filter(stat => isRunning(stat) && commandLine(stat.pid).includes(argument));
  const first = found.toSorted((one, other) => one.startTicks - other.startTicks)[0];
  // A leader that is gone started no later than its members, and `livingMembers` asks for no more than that.
  return first && { pid: first.groupId, startTicks: first.startTicks, bootId: bootId() };
}

async function vanishes(leader: GroupLeader, seconds: number): Promise<boolean> {
  const deadline = performance.now() + seconds * 1000;
  while (livingMembers(leader).length > 0) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_MILLISECONDS);
  }
  return true;
}

function signalGroup(leader: GroupLeader, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function allStats(): ProcessStat[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(name => readStat(Number(name)))
    .filter(stat => stat !== undefined);
}

// A zombie holds no memory and writes nothing; where pid 1 reaps nobody (a container) it stays for ever.
function isRunning(stat: ProcessStat): boolean {
  return stat.state !== 'Z' && stat.state !== 'X';
}

function readStat(pid: number): ProcessStat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // proc(5): pid (comm) state ppid pgrp … starttime is field 22; comm may hold spaces and brackets.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid, state: fields[0] ?? 'X', groupId: Number(fields[2]), startTicks: Number(fields[19]) };
}

function commandLine(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}
