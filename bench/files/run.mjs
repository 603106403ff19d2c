// SPDX-License-Identifier: Apache-2.0
// One large file up and down, beside nginx that writes the same bytes (WebDAV PUT) and serves them. Gatehouse does it with
// every role in one process on embedded stores: it checks the token, computes the SHA-256 and syncs the file before it
// answers; nginx does none of these. Contenders take turns; the client is curl. What the disk takes without any server, with
// a sync at the end, is measured in the same rounds.
//
//   bench/files/run [--gib 2] [--rounds 3] [--json]
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { startNginx } from '../support/nginx.mjs';
import { cpuSeconds, memoryKib } from '../support/process.mjs';
import { argument, freePort, install, logIn, quantile, run, scratch, waitFor } from '../support/program.mjs';

const gib = argument('gib', 2);
const rounds = argument('rounds', 3);
const large = path.join(scratch, 'large.bin');

async function startDav() {
  const port = await freePort();
  const files = path.join(scratch, 'dav');
  mkdirSync(files);
  const child = startNginx(undefined, 'dav', `server {
    listen 127.0.0.1:${port}; client_max_body_size 0; root ${files}; client_body_temp_path ${files}/tmp; sendfile on;
    location / { dav_methods PUT DELETE; }
    location = /ready { return 204; } }`);
  await waitFor(`http://127.0.0.1:${port}/ready`, child);
  const url = `http://127.0.0.1:${port}/large.bin`;
  return { name: 'nginx, WebDAV', child, headers: [], ways: [{ name: 'PUT', begin: () => ({ args: ['-T', large, url], file: url }) }] };
}

async function startGatehouse() {
  const { command, serve } = install('gatehouse', 'log: {level: warn}\ngateway: {access_log: false}\n');
  command('user', 'add', 'ada', '--role', 'user', '--password-stdin');
  const { port, child } = await serve();
  const token = await logIn(port, 'ada');
  const url = `http://127.0.0.1:${port}`;
  const authorization = { authorization: `Bearer ${token}` };
  const whole = async () => ({ args: ['-X', 'POST', '-T', large, `${url}/upload?name=large.bin`], file: null });
  const resumable = async () => {
    const made = await fetch(`${url}/uploads/`, { method: 'POST',
      headers: { ...authorization, 'tus-resumable': '1.0.0', 'upload-length': String(gib * 2 ** 30) } });
    const location = made.headers.get('location');
    const args = ['-X', 'PATCH', '-T', large, '-H', 'Tus-Resumable: 1.0.0', '-H', 'Upload-Offset: 0',
      '-H', 'Content-Type: application/offset+octet-stream', `${url}${location}`];
    return { args, file: `${url}${location.replace('/uploads/', '/files/')}` };
  };
  return { name: 'Gatehouse', child, url, headers: ['-H', `Authorization: Bearer ${token}`], authorization,
    ways: [{ name: 'POST /upload', begin: whole }, { name: 'tus, one PATCH', begin: resumable }] };
}

// Runs curl; seconds, CPU of the server for a GiB, and its largest memory on the way. What it answered.
function transfer(server, args) {
  const cpu = cpuSeconds(server.child.pid);
  let peak = 0;
  const look = () => { peak = Math.max(peak, memoryKib(server.child.pid, 'RssAnon')); };
  const watch = setInterval(look, 50);
  const child = spawn('curl', ['-sS', '--fail', '-H', 'Expect:', ...server.headers, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let answer = '';
  child.stdout.on('data', (data) => { answer += data; });
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    child.on('close', (code) => {
      clearInterval(watch);
      look();
      if (code !== 0) reject(new Error(`${server.name}: curl ended with ${code}`));
      else resolve({ seconds: (performance.now() - begin) / 1000, cpuPerGib: (cpuSeconds(server.child.pid) - cpu) / gib, peak, answer });
    });
  });
}

async function round(server, way, results) {
  execFileSync('sync');
  const resident = memoryKib(server.child.pid, 'RssAnon');
  const begun = await way.begin();
  const up = await transfer(server, begun.args);
  const file = begun.file ?? `${server.url}/files/${JSON.parse(up.answer).items[0].id}`;
  const down = await transfer(server, ['-o', '/dev/null', server.url ? `${file}/content` : file]);
  // Not into the trash, where it would take the memory and the disk of the next round.
  execFileSync('curl', ['-sS', '--fail', '-o', '/dev/null', '-X', 'DELETE', ...server.headers, server.url ? `${file}?permanent=true` : file]);
  results.push({ up, down, resident, peak: Math.max(up.peak, down.peak) });
}

// Seconds to copy the file and sync the copy.
function copyAlone() {
  execFileSync('sync');
  const copy = path.join(scratch, 'copy.bin');
  const begin = performance.now();
  execFileSync('dd', [`if=${large}`, `of=${copy}`, 'bs=1M', 'conv=fdatasync'], { stdio: 'ignore' });
  const seconds = (performance.now() - begin) / 1000;
  rmSync(copy);
  return seconds;
}

await run('files', async () => {
  execFileSync('dd', ['if=/dev/urandom', `of=${large}`, 'bs=1M', `count=${gib * 1024}`], { stdio: 'ignore' });
  const servers = [await startDav(), await startGatehouse()];
  const ways = servers.flatMap((server) => server.ways.map((way) => ({ server, way, results: [] })));
  const copies = [];
  for (let i = 0; i < rounds; i++) {
    copies.push(copyAlone());
    for (const { server, way, results } of ways) await round(server, way, results);
  }
  const rows = ways.map(({ server, way, results }) => {
    const median = (of) => quantile(results.map(of), 0.5);
    return { name: `${server.name}, ${way.name}`, up: (gib * 1024) / median((one) => one.up.seconds), down: (gib * 1024) / median((one) => one.down.seconds),
      cpuUp: median((one) => one.up.cpuPerGib), cpuDown: median((one) => one.down.cpuPerGib),
      residentMib: median((one) => one.resident) / 1024, peakMib: median((one) => one.peak) / 1024 };
  });
  const copied = (gib * 1024) / quantile(copies, 0.5);
  rmSync(large);
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ gib, rounds, rows, copied }, null, 2));
    return 0;
  }
  console.log(`One file of ${gib} GiB, median of ${rounds}\n`);
  console.log('| | MiB/s up | of nginx | MiB/s down | of nginx | CPU s/GiB up | down | memory before, MiB | peak |');
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const row of rows)
    console.log(`| ${row.name} | ${row.up.toFixed(0)} | ${(row.up / rows[0].up).toFixed(2)} | ${row.down.toFixed(0)} | ${(row.down / rows[0].down).toFixed(2)} | ` +
      `${row.cpuUp.toFixed(2)} | ${row.cpuDown.toFixed(2)} | ${row.residentMib.toFixed(1)} | ${row.peakMib.toFixed(1)} |`);
  console.log(`\ndd alone, with a sync: ${copied.toFixed(0)} MiB/s, ${(copied / rows[0].up).toFixed(2)} of nginx`);
  return 0;
});
