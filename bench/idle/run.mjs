// SPDX-License-Identifier: Apache-2.0
// Many connections that are kept and say nothing: what each costs in memory, beside nginx and HAProxy. Each connection
// makes one request first. Memory is what the processes hold for themselves (RssAnon), before and while they are there.
//
//   bench/idle/run [--connections 10000] [--json]     as many as Gatehouse takes on a thread; more than the limit of open files
//                                                     allows are refused at the start
import { connect } from 'node:net';
import { startBackend } from '../support/nginx.mjs';
import { memoryKib } from '../support/process.mjs';
import { argument, freePort, run } from '../support/program.mjs';
import { startGatehouse, startHaproxy, startPlainNginx } from '../gateway/proxies.mjs';
import { Issuer } from '../gateway/tokens.mjs';

const connections = argument('connections', 10000);
const warm_up = 64; // of them; what these make a proxy keep for good counts for no connection

function open(proxy) {
  const { port, pathname } = new URL(proxy.url);
  const fields = Object.entries(proxy.headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(`GET ${pathname} HTTP/1.1\r\nHost: bench\r\n${fields}\r\n`));
    socket.once('data', (data) => (data.toString('latin1').startsWith('HTTP/1.1 200') ? resolve(socket) : reject(new Error(String(data)))));
    socket.once('error', reject);
  });
}

async function measure(proxy) {
  const warm = await Promise.all(Array.from({ length: warm_up }, () => open(proxy)));
  const before = memoryKib(proxy.child.pid, 'RssAnon');
  const sockets = [];
  const more = connections - warm_up;
  while (sockets.length < more)
    sockets.push(...await Promise.all(Array.from({ length: Math.min(50, more - sockets.length) }, () => open(proxy))));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const after = memoryKib(proxy.child.pid, 'RssAnon');
  const open_now = sockets.filter((socket) => !socket.destroyed && socket.readable).length;
  for (const socket of [...warm, ...sockets]) socket.destroy();
  if (open_now < more) throw new Error(`${proxy.name} keeps ${open_now} of ${more}`);
  return { name: proxy.name, beforeMib: before / 1024, afterMib: after / 1024, bytesPerConnection: ((after - before) * 1024) / more };
}

await run('idle', async () => {
  const backend = await freePort();
  startBackend(1, backend);
  const rows = [];
  for (const proxy of [await startPlainNginx(backend), await startHaproxy(backend, new Issuer('RS256'), connections + 1000),
    await startGatehouse('gatehouse', backend)]) rows.push(await measure(proxy));
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ connections, rows }, null, 2));
    return 0;
  }
  console.log(`${connections} idle connections, kept after one request\n`);
  console.log('| proxy | before, MiB | with them, MiB | bytes/connection |\n|---|---|---|---|');
  for (const row of rows)
    console.log(`| ${row.name} | ${row.beforeMib.toFixed(1)} | ${row.afterMib.toFixed(1)} | ${row.bytesPerConnection.toFixed(0)} |`);
  return 0;
});
