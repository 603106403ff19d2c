// SPDX-License-Identifier: Apache-2.0
// Authenticated proxying side by side: Gatehouse (verifies the token), nginx plain, nginx with auth_request, HAProxy with
// jwt_verify. One worker each, each proxy alone on core 0; backend and load on core 1. CPU per request is what the
// kernel accounts to the proxy's processes, divided by the requests that wrk counted. Everything is on loopback.
//
//   bench/gateway/run [--seconds 8] [--rounds 3] [--connections 64] [--json]
import { spawn, execFileSync } from 'node:child_process';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname), '../..');
const argument = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : Number(process.argv[at + 1]);
};
const seconds = argument('seconds', 8);
const rounds = argument('rounds', 3);
const connections = argument('connections', 64);
const asJson = process.argv.includes('--json');
const gatehouse = process.env.GATEHOUSE_BIN ?? path.join(root, 'build/gatehouse');

const scratch = mkdtempSync(path.join(tmpdir(), 'gatehouse-bench-'));
const children = [];
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK']));

function start(core, command, args, options = {}) {
  const child = spawn('taskset', ['-c', String(core), command, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.output = '';
  child.stdout.on('data', (data) => { child.output += data; });
  child.stderr.on('data', (data) => { child.output += data; });
  child.on('error', (error) => { throw error; });
  children.push(child);
  return child;
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function waitFor(url, headers, child) {
  for (let i = 0; i < 200; i++) {
    if (child.exitCode !== null) throw new Error(`a process ended at start:\n${child.output}`);
    try {
      const answer = await fetch(url, { headers });
      await answer.text();
      if (answer.ok) return;
      if (i > 100) throw new Error(`${url} answers ${answer.status}`);
    } catch (error) {
      if (i > 150) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${url} does not come up:\n${child.output}`);
}

// CPU seconds of a process and its children (nginx' worker is a child of its master).
function cpuSeconds(pid) {
  let total = 0;
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    let stat;
    try { stat = readFileSync(`/proc/${entry}/stat`, 'utf8'); } catch { continue; }
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(entry) === pid || Number(fields[1]) === pid) total += Number(fields[11]) + Number(fields[12]);
  }
  return total / ticksPerSecond;
}

function nginxConfig(name, port, locations) {
  const file = path.join(scratch, `${name}.conf`);
  writeFileSync(file, `
daemon off; worker_processes 1; pid ${scratch}/${name}.pid; error_log ${scratch}/${name}.log warn; user root;
events { worker_connections 8192; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 75s; default_type application/json;
  client_body_temp_path ${scratch}/${name}-body; proxy_temp_path ${scratch}/${name}-proxy;
  fastcgi_temp_path ${scratch}/${name}-f; uwsgi_temp_path ${scratch}/${name}-u; scgi_temp_path ${scratch}/${name}-s;
  upstream backend { server 127.0.0.1:${backendPort}; keepalive 256; keepalive_requests 100000000; }
  server { listen 127.0.0.1:${port} reuseport; ${locations} }
}`);
  return file;
}

const backendPort = await freePort();

async function startBackend() {
  const config = nginxConfig('backend', backendPort, `
    location / { return 200 '{"id":"0190163d-8694-739b-aea5-966c26f8ad91","status":"shipped","total":4299}'; }
    location /auth { return 204; }`);
  const child = start(1, 'nginx', ['-c', config, '-p', scratch]);
  await waitFor(`http://127.0.0.1:${backendPort}/`, {}, child);
}

const proxyLines = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend;';

async function startNginx() {
  const port = await freePort();
  const child = start(0, 'nginx', ['-c', nginxConfig('plain', port, `location / { ${proxyLines} }`), '-p', scratch]);
  return { name: 'nginx, plain proxy', port, child, headers: {} };
}

async function startNginxAuthRequest() {
  const port = await freePort();
  const config = nginxConfig('auth', port, `
    location / { auth_request /auth; ${proxyLines} }
    location = /auth { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; ${proxyLines} }`);
  return { name: 'nginx, auth_request', port, child: start(0, 'nginx', ['-c', config, '-p', scratch]), headers: {} };
}

async function startHaproxy() {
  const port = await freePort();
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(path.join(scratch, 'jwt.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1000);
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ sub: 'ada', iss: 'bench', aud: 'bench', exp: now + 3600,
    username: 'ada', roles: ['user'], permissions: ['files:read', 'files:write'] })}`;
  const token = `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey).toString('base64url')}`;
  const file = path.join(scratch, 'haproxy.cfg');
  writeFileSync(file, `
global
  nbthread 1
  maxconn 8000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_header_query('$.alg') -m str RS256 }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(RS256,"${scratch}/jwt.pem") -m int 1 }
  default_backend back
backend back
  server s1 127.0.0.1:${backendPort} pool-max-conn 256
`);
  return { name: 'HAProxy, jwt_verify RS256', port, child: start(0, 'haproxy', ['-f', file, '-db']),
    headers: { Authorization: `Bearer ${token}` } };
}

async function startGatehouse() {
  const port = await freePort();
  const opsPort = await freePort();
  const data = path.join(scratch, 'data');
  const config = path.join(scratch, 'gatehouse.yaml');
  writeFileSync(config, `
io: {threads: 1}
gateway:
  access_log: false
  routes:
    - {path: /api, upstreams: ["http://127.0.0.1:${backendPort}"], strip_prefix: true, permission: "files:read"}
`);
  execFileSync(gatehouse, ['user', 'add', 'ada', '--role', 'user', '--password-stdin', '--data', data, '--config', config],
    { input: 'correct horse battery staple\n' });
  const child = start(0, gatehouse, ['serve', '--config', config, '--data', data, '--listen', `127.0.0.1:${port}`,
    '--ops-listen', `127.0.0.1:${opsPort}`]);
  await waitFor(`http://127.0.0.1:${opsPort}/readyz`, {}, child);
  const login = await fetch(`http://127.0.0.1:${port}/login`, {
    method: 'POST', headers: { Authorization: `Basic ${Buffer.from('ada:correct horse battery staple').toString('base64')}` } });
  if (!login.ok) throw new Error(`login: ${login.status} ${await login.text()}`);
  return { name: 'Gatehouse, EdDSA verified', port, path: '/api/orders/7', child,
    headers: { Authorization: `Bearer ${(await login.text()).trim()}` } };
}

function load(proxy, duration) {
  const headers = Object.entries(proxy.headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]);
  return new Promise((resolve, reject) => {
    const wrk = spawn('taskset', ['-c', '1', 'wrk', '-t1', `-c${connections}`, `-d${duration}s`, '--latency', ...headers,
      `http://127.0.0.1:${proxy.port}${proxy.path ?? '/orders/7'}`]);
    let output = '';
    wrk.stdout.on('data', (data) => { output += data; });
    wrk.on('close', (code) => (code === 0 ? resolve(output) : reject(new Error(output))));
  });
}

async function measure(proxy, duration) {
  const before = cpuSeconds(proxy.child.pid);
  const output = await load(proxy, duration);
  const cpu = cpuSeconds(proxy.child.pid) - before;
  if (/Non-2xx/.test(output)) throw new Error(`${proxy.name} refused requests:\n${output}`);
  const requests = Number(/(\d+) requests in/.exec(output)[1]);
  const p99 = /99%\s+([\d.]+)(us|ms|s)/.exec(output);
  return { perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)[1]), cpuMicros: (cpu / requests) * 1e6,
    p99Millis: Number(p99[1]) * { us: 0.001, ms: 1, s: 1000 }[p99[2]] };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

async function main() {
  await startBackend();
  const proxies = [await startNginx(), await startNginxAuthRequest(), await startHaproxy(), await startGatehouse()];
  for (const proxy of proxies) {
    await waitFor(`http://127.0.0.1:${proxy.port}${proxy.path ?? '/orders/7'}`, proxy.headers, proxy.child);
    await measure(proxy, 1);
    proxy.runs = [];
  }
  // In turn, so that a change of the machine's speed meets all of them.
  for (let round = 0; round < rounds; round++)
    for (const proxy of proxies) proxy.runs.push(await measure(proxy, seconds));

  const rows = proxies.map((proxy) => ({ name: proxy.name, cpuMicros: median(proxy.runs.map((run) => run.cpuMicros)),
    perSecond: median(proxy.runs.map((run) => run.perSecond)), p99Millis: median(proxy.runs.map((run) => run.p99Millis)) }));
  const ours = rows.at(-1);
  for (const row of rows) row.ratio = ours.cpuMicros / row.cpuMicros;
  if (asJson) {
    console.log(JSON.stringify({ seconds, rounds, connections, rows }, null, 2));
    return;
  }
  console.log(`${connections} connections, ${seconds} s, median of ${rounds} rounds, proxy on one core`);
  console.log('proxy                        CPU µs/request   requests/s   p99 ms   Gatehouse/this (CPU)');
  for (const row of rows)
    console.log(`${row.name.padEnd(28)} ${row.cpuMicros.toFixed(1).padStart(14)} ${row.perSecond.toFixed(0).padStart(12)} ` +
      `${row.p99Millis.toFixed(2).padStart(8)} ${row.ratio.toFixed(2).padStart(12)}`);
}

let failed = false;
try {
  await main();
} catch (error) {
  console.error(`bench/gateway: ${error.message}`);
  failed = true;
} finally {
  for (const child of children) child.kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 500));
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
}
process.exit(failed ? 1 : 0);
