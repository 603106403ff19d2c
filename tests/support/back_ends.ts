// SPDX-License-Identifier: Apache-2.0
// nginx, Apache, lighttpd and Node as services behind the gateway. Each answers with what it saw of the request, as its own
// parser understood it, and logs every request that it believes to have received.
import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort, sleep } from './process.js';

// What a service saw. Field names are in small letters; CGI tells them apart from others less well than HTTP does.
export interface Sight {
  method: string;
  target: string;
  fields: Record<string, string>;
  body: string; // latin1
}

export interface LoggedRequest {
  id: string; // X-Request-Id, or "-"
  status: number; // 0: broken off
  line: string; // the request line
}

export interface BackEnd {
  name: string;
  url: string;
  // Ends it, so that its log is whole, and gives the log.
  stop(): Promise<LoggedRequest[]>;
}

// Answers are variables as in a CGI environment, each with NUL behind it, an empty one, and the body.
export function readSight(answer: Buffer): Sight {
  const text = answer.toString('latin1');
  const end = text.indexOf('\0\0');
  if (end < 0) throw new Error(`no sight: ${JSON.stringify(text.slice(0, 200))}`);
  const sight: Sight = { method: '', target: '', fields: {}, body: text.slice(end + 2) };
  for (const line of text.slice(0, end).split('\0')) {
    const equals = line.indexOf('=');
    const [name, value] = [line.slice(0, equals), line.slice(equals + 1)];
    if (name === 'REQUEST_METHOD') sight.method = value;
    else if (name === 'REQUEST_URI') sight.target = value;
    else if (name.startsWith('HTTP_')) {
      const field = name.slice(5).toLowerCase().replaceAll('_', '-');
      sight.fields[field] = field in sight.fields ? `${sight.fields[field]}, ${value}` : value;
    }
  }
  return sight;
}

function writeSight(variables: [string, string][], body: Buffer): Buffer {
  const text = variables.map(([name, value]) => `${name}=${value}\0`).join('');
  return Buffer.concat([Buffer.from(`${text}\0`, 'latin1'), body]);
}

const readLog = (file: string): LoggedRequest[] =>
  readFileSync(file, 'latin1').split('\n').filter((line) => line !== '').map((line) => {
    const [id, status, ...request] = line.split('\t');
    return { id, status: Number(status), line: request.join('\t') };
  });

// SCGI: the variables as a netstring, then the body. nginx and lighttpd speak it and read the body whole before.
async function startScgi(): Promise<{ port: number; stop(): Promise<void> }> {
  const server = net.createServer((socket) => {
    let input = Buffer.alloc(0);
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
      input = Buffer.concat([input, data]);
      const colon = input.indexOf(':');
      if (colon < 0) return;
      const headEnd = colon + 1 + Number(input.subarray(0, colon).toString());
      if (input.length < headEnd + 1) return;
      const words = input.subarray(colon + 1, headEnd).toString('latin1').split('\0');
      const variables: [string, string][] = [];
      for (let i = 0; i + 1 < words.length; i += 2) variables.push([words[i], words[i + 1]]);
      const length = Number(variables.find(([name]) => name === 'CONTENT_LENGTH')?.[1] || 0);
      if (input.length < headEnd + 1 + length) return;
      const answer = writeSight(variables, input.subarray(headEnd + 1, headEnd + 1 + length));
      socket.end(Buffer.concat([Buffer.from('Status: 200 OK\r\nContent-Type: application/octet-stream\r\n\r\n'), answer]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, stop: () => new Promise((resolve) => server.close(() => resolve())) };
}

async function startServer(name: string, arrange: (directory: string, port: number) => string[], stopToo?: () => Promise<void>): Promise<BackEnd> {
  const directory = mkdtempSync(path.join(tmpdir(), `gatehouse-${name}-`));
  chmodSync(directory, 0o755);
  const port = await freePort();
  const [program, ...args] = arrange(directory, port);
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout!.on('data', (data) => (output += data));
  child.stderr!.on('data', (data) => (output += data));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (let i = 0; !(await canConnect(port)); i++) {
    if (child.exitCode !== null || i === 500) throw new Error(`${name} does not listen:\n${output}`);
    await sleep(20);
  }
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await stopToo?.();
    const log = readLog(path.join(directory, 'access.log'));
    rmSync(directory, { recursive: true, force: true });
    return log;
  };
  return { name, url: `http://127.0.0.1:${port}`, stop };
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  });
}

const asRoot = process.getuid!() === 0;

// nginx with one server block of these lines. Files below its directory are served from there.
export async function startNginxWith(lines: (directory: string) => string, stopToo?: () => Promise<void>): Promise<BackEnd> {
  return await startServer('nginx', (directory, port) => {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`);
    writeFileSync(`${directory}/nginx.conf`, `${asRoot ? 'user root;' : ''} daemon off; worker_processes 1; pid ${directory}/pid; error_log stderr;
events { worker_connections 4096; }
http {
  log_format seen '$http_x_request_id\\t$status\\t$request';
  access_log ${directory}/access.log seen;
  ${temporary.join(' ')}
  keepalive_requests 1000000; large_client_header_buffers 8 64k; client_max_body_size 16m; merge_slashes off;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    ${lines(directory)}
  }
}
`);
    return ['nginx', '-c', `${directory}/nginx.conf`, '-p', directory, '-e', 'stderr'];
  }, stopToo);
}

async function startNginx(): Promise<BackEnd> {
  const scgi = await startScgi();
  return await startNginxWith(() => `location / {
      scgi_pass 127.0.0.1:${scgi.port};
      scgi_param REQUEST_METHOD $request_method;
      scgi_param REQUEST_URI $request_uri;
      scgi_param CONTENT_LENGTH $content_length;
    }`, scgi.stop);
}

async function startLighttpd(): Promise<BackEnd> {
  const scgi = await startScgi();
  return await startServer('lighttpd', (directory, port) => {
    writeFileSync(`${directory}/lighttpd.conf`, `
server.document-root = "${directory}"
server.bind = "127.0.0.1"
server.port = ${port}
server.max-keep-alive-requests = 10000
server.modules = ("mod_scgi", "mod_accesslog")
server.http-parseopts = ("header-strict" => "enable", "host-strict" => "enable", "url-normalize" => "disable", "method-get-body" => "enable")
server.max-request-field-size = 65536
scgi.server = ("/" => (("host" => "127.0.0.1", "port" => ${scgi.port}, "check-local" => "disable")))
accesslog.filename = "${directory}/access.log"
accesslog.format = "%{X-Request-Id}i\t%s\t%r"
`);
    return ['lighttpd', '-D', '-f', `${directory}/lighttpd.conf`];
  }, scgi.stop);
}

// Apache reads bodies of unknown length for CGI programs only.
async function startApache(): Promise<BackEnd> {
  return await startServer('apache', (directory, port) => {
    writeFileSync(`${directory}/see`, `#!/bin/sh\nprintf 'Content-Type: application/octet-stream\\r\\n\\r\\n'\nenv -0\nprintf '\\0'\nexec cat\n`);
    chmodSync(`${directory}/see`, 0o755);
    mkdirSync(`${directory}/run`, { mode: 0o777 });
    const modules = ['mpm_event', 'authz_core', 'cgid', 'alias', 'unixd', 'log_config', 'env'];
    const load = modules.map((name) => `/usr/lib/apache2/modules/mod_${name}.so`).map((file, i) => (existsSync(file) ? `LoadModule ${modules[i]}_module ${file}` : ''));
    writeFileSync(`${directory}/apache.conf`, `
${load.join('\n')}
ServerRoot ${directory}
ServerName localhost
DefaultRuntimeDir ${directory}/run
PidFile ${directory}/run/pid
ScriptSock ${directory}/run/cgi
Listen 127.0.0.1:${port}
${asRoot ? 'User nobody\nGroup nogroup' : ''}
StartServers 1
ServerLimit 1
ThreadLimit 16
ThreadsPerChild 16
MaxRequestWorkers 16
MinSpareThreads 1
MaxSpareThreads 16
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 60
LimitRequestLine 16384
LimitRequestFieldSize 65536
LimitRequestFields 200
AllowEncodedSlashes NoDecode
TraceEnable On
ErrorLog ${directory}/error.log
LogFormat "%{X-Request-Id}i\\t%>s\\t%r" seen
CustomLog ${directory}/access.log seen
ScriptAliasMatch ^.* ${directory}/see
<Directory ${directory}>
  Require all granted
  Options +ExecCGI
  CGIPassAuth On
</Directory>
`);
    return ['apache2', '-DFOREGROUND', '-f', `${directory}/apache.conf`];
  });
}

async function startNode(): Promise<BackEnd> {
  const log: LoggedRequest[] = [];
  const server = http.createServer({ maxHeaderSize: 65536 }, (request, answer) => {
    const parts: Buffer[] = [];
    const entry: LoggedRequest = { id: String(request.headers['x-request-id'] ?? '-'), status: 0, line: `${request.method} ${request.url} HTTP/${request.httpVersion}` };
    log.push(entry);
    request.on('data', (part) => parts.push(part));
    request.on('error', () => {});
    request.on('end', () => {
      entry.status = 200;
      const variables: [string, string][] = [['REQUEST_METHOD', request.method!], ['REQUEST_URI', request.url!]];
      for (let i = 0; i < request.rawHeaders.length; i += 2) variables.push([`HTTP_${request.rawHeaders[i]}`, request.rawHeaders[i + 1]]);
      answer.setHeader('content-type', 'application/octet-stream');
      answer.end(writeSight(variables, Buffer.concat(parts)));
    });
  });
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const stop = async () => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    return log;
  };
  return { name: 'node', url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop };
}

export async function startBackEnds(): Promise<BackEnd[]> {
  return await Promise.all([startNginx(), startApache(), startLighttpd(), startNode()]);
}
