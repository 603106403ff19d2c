// SPDX-License-Identifier: Apache-2.0
// A thousand connections that send or read as slowly as they may (slowhttptest), and good traffic through the same gateway
// meanwhile: nobody who behaves notices, and memory stays small.
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startNginxWith, type BackEnd } from '../support/back_ends.js';
import { Gatehouse } from '../support/gatehouse.js';
import { sleep } from '../support/process.js';
import { describeFigures, SteadyClient, type Figures } from '../support/steady_client.js';

const seconds = Number(process.env.GATEHOUSE_TEST_SLOW_SECONDS ?? 6);
const connections = 1000;
const rate = 200;
// Below this a scheduler's hiccup is more than what is measured.
const noticedMilliseconds = 5;

let service: BackEnd;
let otherService: BackEnd; // of the good traffic: what the first one bears is not what is measured
let gatehouse: Gatehouse;

beforeAll(async () => {
  service = await startNginxWith((directory) => {
    writeFileSync(`${directory}/large`, Buffer.alloc(1 << 20, 'x'));
    return `access_log off; location = /slow/large { alias ${directory}/large; } location / { return 200 '{"ok":true}'; }`;
  });
  otherService = await startNginxWith(() => `access_log off; location / { return 200 '{"ok":true}'; }`);
  gatehouse = new Gatehouse({ distributed: false, config: `
gateway:
  access_log: false
  routes:
    - {path: /slow, upstreams: ["${service.url}"], authentication: none}
    - {path: /good, upstreams: ["${otherService.url}"], authentication: none}
` });
  await gatehouse.start();
});
afterAll(async () => {
  await gatehouse?.stop();
  await service?.stop();
  await otherService?.stop();
});

const memory = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${gatehouse.pid}/status`, 'utf8'))![1]) / 1024;

async function flood(mode: string, target: string, more: string[]): Promise<string> {
  const args = [mode, '-c', String(connections), '-r', '500', '-l', String(seconds), '-p', '3', '-u', gatehouse.url.replace('localhost', '127.0.0.1') + target, ...more];
  const child = spawn('slowhttptest', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (output += data));
  await new Promise<void>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', () => resolve());
  });
  return output.replace(/\x1b\[[0-9;]*m/g, '');
}

test.each([
  { name: 'heads that never end', mode: '-H', target: '/slow/small', more: ['-i', '1', '-x', '24', '-t', 'GET'] },
  { name: 'bodies that never end', mode: '-B', target: '/slow/small', more: ['-i', '1', '-x', '10', '-s', '100000', '-t', 'POST'] },
  { name: 'answers that are never read', mode: '-X', target: '/slow/large', more: ['-n', '2', '-w', '512', '-y', '1024', '-z', '32', '-k', '1'] },
  // Three tries: a neighbour's load on the machine only ever adds to a p99, and what we do wrong is there every time.
])('$name: good traffic goes on as before', { timeout: (seconds * 5 + 60) * 1000, retry: 2 }, async ({ name, mode, target, more }) => {
  // From another address, as other clients are.
  const client = new SteadyClient({ urls: () => `${gatehouse.url.replace('localhost', '127.0.0.1')}/good`, rate, localAddress: '127.0.0.9' }).start();
  const during = async (milliseconds: number): Promise<Figures> => {
    client.take();
    await sleep(milliseconds);
    return client.take();
  };
  await sleep(500);
  const before = await during(seconds * 1000);
  const idle = memory();
  let peak = 0;
  const watch = setInterval(() => (peak = Math.max(peak, memory())), 100);
  const flooding = flood(mode, target, more);
  await sleep(2000); // until all are connected
  const flooded = await during(Math.max(1000, seconds * 1000 - 2500));
  const output = await flooding;
  clearInterval(watch);
  await sleep(1000);
  const after = await during(seconds * 1000);
  const rest = await client.stop();
  const status = /Exit status: .*/i.exec(output)?.[0] ?? output.slice(-300);
  const counts = /initializing:[\s\S]*?service available:\s*\w+/i.exec(output.slice(output.lastIndexOf('initializing:')))?.[0].replace(/\s+/g, ' ');
  console.log(`${name}: quiet ${describeFigures(before)}; ${describeFigures(after)}\n  flooded ${describeFigures(flooded)}\n  memory ${idle.toFixed(1)} MiB, at most ${peak.toFixed(1)} MiB; slowhttptest: ${counts}; ${status}`);

  for (const figures of [before, flooded, after, rest]) expect(figures.failures).toEqual([]);
  expect(flooded.count).toBeGreaterThan(before.count / 10);
  const quiet = Math.max(before.p99, after.p99);
  expect(flooded.p99).toBeLessThan(Math.max(2 * quiet, noticedMilliseconds));
  expect(peak - idle).toBeLessThan(128);
});
