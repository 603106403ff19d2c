// SPDX-License-Identifier: Apache-2.0
// What the kernel accounts to a process and its children (nginx' worker is a child of its master).
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']));

function statOf(pid) {
  let stat;
  try { stat = readFileSync(`/proc/${pid}/stat`, 'utf8'); } catch { return null; }
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

export function family(pid) {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return all.map(Number).filter((one) => one === pid || Number(statOf(one)?.[1]) === pid);
}

export function cpuSeconds(pid) {
  let ticks = 0;
  for (const one of family(pid)) {
    const fields = statOf(one);
    if (fields) ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / ticksPerSecond;
}

// `line` of /proc/PID/status in KiB: VmRSS, VmHWM, RssAnon.
export function memoryKib(pid, line = 'VmRSS') {
  let sum = 0;
  for (const one of family(pid)) {
    const found = new RegExp(`${line}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${one}/status`, 'utf8'));
    sum += Number(found?.[1] ?? 0);
  }
  return sum;
}
