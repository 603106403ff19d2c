// SPDX-License-Identifier: Apache-2.0
// An nginx of the benchmarks: one worker, no log, everything it writes in the scratch directory.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { scratch, start } from './program.mjs';

// `http` stands in the http block, `servers` after it. Gives the process; it listens a moment later.
export function startNginx(core, name, http) {
  const file = path.join(scratch, `${name}.conf`);
  const of = (what) => path.join(scratch, `${name}.${what}`);
  writeFileSync(file, `
daemon off; worker_processes 1; worker_rlimit_nofile 65536; user root; pid ${of('pid')}; error_log ${of('log')} warn;
events { worker_connections 32768; }
http {
  access_log off; keepalive_requests 100000000; keepalive_timeout 300s; default_type application/json;
  client_body_temp_path ${of('body')}; proxy_temp_path ${of('proxy')};
  fastcgi_temp_path ${of('f')}; uwsgi_temp_path ${of('u')}; scgi_temp_path ${of('s')};
  ${http}
}`);
  return start(core, 'nginx', ['-c', file, '-p', scratch]);
}

// The service behind the proxies: small JSON answers, and 204 at /auth.
export function startBackend(core, port) {
  return startNginx(core, 'backend', `server {
    listen 127.0.0.1:${port};
    location / { return 200 '{"id":"0190163d-8694-739b-aea5-966c26f8ad91","status":"shipped","total":4299}'; }
    location /auth { return 204; } }`);
}

export const upstreamBlock = (port) =>
  `upstream backend { server 127.0.0.1:${port}; keepalive 1024; keepalive_requests 100000000; }`;
export const proxyLines = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://backend;';
