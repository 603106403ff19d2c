// SPDX-License-Identifier: Apache-2.0
// A flood of logins while a client proxies at a steady rate: what it does to the hashes (beside libsodium alone on the
// same core), to the proxied requests (beside the same rate without the flood), and to memory. Gatehouse is alone on
// core 0, with one hashing thread; the service behind it and both kinds of clients are on core 1.
//
//   bench/login/run [--seconds 20] [--clients 500] [--rate 2000] [--rounds 3] [--json]
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { startBackend } from '../support/nginx.mjs';
import { memoryKib } from '../support/process.mjs';
import { argument, freePort, logIn, quantile, run, scratch, start, startGatehouse } from '../support/program.mjs';

const seconds = argument('seconds', 20);
const clients = argument('clients', 500);
const rate = argument('rate', 2000);
const rounds = argument('rounds', 3);
const here = import.meta.dirname;
const users = Array.from({ length: 20 }, (_, i) => `user${i}`);

function output(child) {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => (code === 0 ? resolve(JSON.parse(child.output)) : reject(new Error(child.output))));
  });
}

function rawHashes() {
  const program = path.join(scratch, 'raw_hashes');
  execFileSync('c++', ['-O2', '-std=c++20', path.join(here, 'raw_hashes.cpp'), '-o', program, '-lsodium']);
  return () => Number(execFileSync('taskset', ['-c', '0', program, '5'], { encoding: 'utf8' }));
}

const memory = (pid, line) => memoryKib(pid, line) / 1024;

await run('login', async () => {
  const measureRaw = rawHashes();
  const backend = await freePort();
  startBackend(1, backend);
  // Every client's login finds a place in the queue, so that what is measured are logins and not refusals; the counters
  // against guessing run, with limits that a flood from one address does not reach.
  const { port, child } = await startGatehouse({
    core: 0,
    yaml: `
io: {threads: 1}
log: {level: warn}
auth: {hash_threads: 1, hash_queue_max: ${clients + 12}, throttle: {account_failures: 100000, address_failures: 100000}}
gateway:
  access_log: false
  routes:
    - {path: /api, upstreams: ["http://127.0.0.1:${backend}"], strip_prefix: true}
`,
    users: users.map((name) => ({ name })),
  });
  const token = await logIn(port, 'user0');
  const steady = (length) => output(start(1, process.execPath,
    [path.join(here, 'steady.mjs'), port, '/api/orders/7', token, rate, length].map(String)));
  await steady(2);

  const runs = [];
  for (let round = 0; round < rounds; round++) {
    const raw = measureRaw();
    const quiet = await steady(seconds);
    const memoryQuiet = memory(child.pid, 'VmRSS');
    const flooding = output(start(1, process.execPath,
      [path.join(here, 'flood.mjs'), port, clients, seconds, ...users].map(String)));
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const flooded = await steady(seconds - 1);
    const flood = await flooding;
    runs.push({ raw, quiet, flooded, flood, ratio: flood.loginsPerSecond / raw, p99Ratio: flooded.p99 / quiet.p99,
      memoryQuiet, memoryPeak: memory(child.pid, 'VmHWM') });
  }
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ seconds, clients, rate, runs }, null, 2));
    return 0;
  }
  const middle = (of) => quantile(runs.map(of), 0.5);
  const row = (name, value, digits = 1) => console.log(`| ${name} | ${value.toFixed(digits)} |`);
  console.log(`${clients} clients log in, ${rate} proxied requests/s, ${seconds} s, median of ${rounds} rounds\n`);
  console.log('| measured | value |\n|---|---|');
  row('libsodium alone, hashes/s', middle((one) => one.raw));
  row('logins/s in the flood', middle((one) => one.flood.loginsPerSecond));
  row('their ratio', middle((one) => one.ratio), 3);
  row('proxied requests/s in the flood', middle((one) => one.flooded.perSecond), 0);
  row('proxied p50 quiet, ms', middle((one) => one.quiet.p50), 2);
  row('proxied p50 in the flood, ms', middle((one) => one.flooded.p50), 2);
  row('proxied p99 quiet, ms', middle((one) => one.quiet.p99), 2);
  row('proxied p99 in the flood, ms', middle((one) => one.flooded.p99), 2);
  row('their ratio', middle((one) => one.p99Ratio), 2);
  row('proxied requests that failed', middle((one) => one.flooded.failed), 0);
  row('resident memory quiet, MiB', middle((one) => one.memoryQuiet));
  row('resident memory at its peak, MiB', Math.max(...runs.map((one) => one.memoryPeak)));
  return 0;
});
