// SPDX-License-Identifier: Apache-2.0
// A large body up and down through the gateway, beside nginx that does not buffer: CPU for a GiB, and memory before and at
// its peak. Each proxy alone on core 0 with one worker; both ends of the stream on core 1.
//
//   bench/streaming/run [--gib 4] [--rounds 3] [--json]
import { execFileSync, spawn } from 'node:child_process';
import path from 'node:path';
import { proxyLines, startNginx, upstreamBlock } from '../support/nginx.mjs';
import { cpuSeconds, memoryKib } from '../support/process.mjs';
import { argument, freePort, install, logIn, quantile, run, scratch, start } from '../support/program.mjs';

const gib = argument('gib', 4);
const rounds = argument('rounds', 3);
const pump = path.join(scratch, 'pump');

async function startUnbufferedNginx(backend) {
  const port = await freePort();
  const child = startNginx(0, 'unbuffered', `${upstreamBlock(backend)}
    server { listen 127.0.0.1:${port}; client_max_body_size 0;
      location / { proxy_request_buffering off; proxy_buffering off; ${proxyLines} } }`);
  return { name: 'nginx, unbuffered', child, port, path: '/stream', token: 'none' };
}

async function startGatehouse(backend) {
  const { command, serve } = install('gatehouse', `
io: {threads: 1}
log: {level: warn}
gateway:
  access_log: false
  routes: [{path: /api, upstreams: ["http://127.0.0.1:${backend}"], strip_prefix: true}]
`);
  command('user', 'add', 'ada', '--role', 'user', '--password-stdin');
  const { port, child } = await serve(0);
  return { name: 'Gatehouse', child, port, path: '/api/stream', token: await logIn(port, 'ada') };
}

// Gives the largest resident memory that was seen on the way, in KiB.
function move(proxy, way, gibibytes) {
  const args = ['-c', '1', pump, way, proxy.port, proxy.path, gibibytes * 2 ** 30, proxy.token].map(String);
  const child = spawn('taskset', args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let peak = 0;
  const look = () => { peak = Math.max(peak, memoryKib(proxy.child.pid)); };
  const watch = setInterval(look, 50);
  return new Promise((resolve, reject) => {
    child.on('exit', (code) => {
      clearInterval(watch);
      look();
      if (code === 0) resolve(peak);
      else reject(new Error(`${proxy.name} broke off`));
    });
  });
}

async function measure(proxy, way) {
  const resident = memoryKib(proxy.child.pid);
  const cpu = cpuSeconds(proxy.child.pid);
  const begin = performance.now();
  const peak = await move(proxy, way, gib);
  const seconds = (performance.now() - begin) / 1000;
  return { cpuPerGib: (cpuSeconds(proxy.child.pid) - cpu) / gib, mibPerSecond: (gib * 1024) / seconds,
    residentMib: resident / 1024, peakMib: peak / 1024 };
}

await run('streaming', async () => {
  execFileSync('c++', ['-O2', '-std=c++20', path.join(import.meta.dirname, 'pump.cpp'), '-o', pump, '-pthread']);
  const backend = await freePort();
  start(1, pump, ['serve', String(backend)]);
  const proxies = [await startUnbufferedNginx(backend), await startGatehouse(backend)];
  await new Promise((resolve) => setTimeout(resolve, 500));
  const rows = [];
  for (const way of ['get', 'put']) {
    for (const proxy of proxies) await move(proxy, way, 0.125);
    const runs = new Map(proxies.map((proxy) => [proxy, []]));
    for (let round = 0; round < rounds; round++)
      for (const proxy of proxies) runs.get(proxy).push(await measure(proxy, way));
    for (const proxy of proxies) {
      const middle = (of) => quantile(runs.get(proxy).map((one) => one[of]), 0.5);
      rows.push({ way: way === 'get' ? 'down' : 'up', name: proxy.name, cpuPerGib: middle('cpuPerGib'),
        mibPerSecond: middle('mibPerSecond'), residentMib: middle('residentMib'), peakMib: middle('peakMib') });
    }
  }
  for (const row of rows)
    row.ratio = row.cpuPerGib / rows.find((other) => other.way === row.way && other.name.startsWith('nginx')).cpuPerGib;
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ gib, rounds, rows }, null, 2));
    return 0;
  }
  console.log(`${gib} GiB each time, median of ${rounds} rounds\n`);
  console.log('| way | proxy | CPU s/GiB | this / nginx | MiB/s | resident before, MiB | peak, MiB |\n|---|---|---|---|---|---|---|');
  for (const row of rows)
    console.log(`| ${row.way} | ${row.name} | ${row.cpuPerGib.toFixed(3)} | ${row.ratio.toFixed(2)} | ` +
      `${row.mibPerSecond.toFixed(0)} | ${row.residentMib.toFixed(1)} | ${row.peakMib.toFixed(1)} |`);
  return 0;
});
