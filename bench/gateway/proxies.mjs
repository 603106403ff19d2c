// SPDX-License-Identifier: Apache-2.0
// The proxies that are compared, each alone on core 0, in front of the same back end. A proxy: {name, child, url,
// headers}; `url` and `headers` make a request that it answers with 200; where it speaks HTTP/2 and TLS too, `http2Url` and
// `tlsUrl`.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { proxyLines, startNginx, upstreamBlock } from '../support/nginx.mjs';
import { freePort, install, logIn, scratch, start, waitFor } from '../support/program.mjs';

const core = 0;
const bearer = (token) => ({ Authorization: `Bearer ${token}` });

// For all that speak TLS.
const certificate = path.join(scratch, 'site.pem');
const key = path.join(scratch, 'site.key');
execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', '/O=bench',
  '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', key, '-out', certificate], { stdio: 'ignore' });

const urlOf = (port, where = '/orders/7') => `http://127.0.0.1:${port}${where}`;

const secure = (port, where) => urlOf(port, where).replace('http:', 'https:');

async function ready(proxy) {
  await waitFor(proxy.url, proxy.child, proxy.headers);
  return proxy;
}

export async function startPlainNginx(backend) {
  const port = await freePort();
  const http2Port = await freePort();
  const tlsPort = await freePort();
  const child = startNginx(core, 'plain', `${upstreamBlock(backend)}
    ssl_certificate ${certificate}; ssl_certificate_key ${key}; ssl_protocols TLSv1.2 TLSv1.3;
    server { listen 127.0.0.1:${port} reuseport; listen 127.0.0.1:${http2Port} http2 reuseport;
      listen 127.0.0.1:${tlsPort} ssl http2 reuseport; location / { ${proxyLines} } }`);
  return ready({ name: 'nginx, plain proxy', child, url: urlOf(port), http2Url: urlOf(http2Port), tlsUrl: secure(tlsPort), headers: {} });
}

export async function startAuthRequestNginx(backend) {
  const port = await freePort();
  const child = startNginx(core, 'auth', `${upstreamBlock(backend)}
    server { listen 127.0.0.1:${port} reuseport;
      location / { auth_request /auth; ${proxyLines} }
      location = /auth { internal; proxy_pass_request_body off; proxy_set_header Content-Length ""; ${proxyLines} } }`);
  return ready({ name: 'nginx, auth_request', child, url: urlOf(port), headers: {} });
}

// It verifies every token anew; `algorithm` as jwt_verify knows it.
export async function startHaproxy(backend, issuer, connections = 8000) {
  const { algorithm, pem, name } = issuer;
  const port = await freePort();
  const file = path.join(scratch, `haproxy-${name}.cfg`);
  writeFileSync(file, `
global
  nbthread 1
  maxconn ${connections}
  no strict-limits
defaults
  mode http
  timeout connect 5s
  timeout client 300s
  timeout server 60s
  http-reuse always
frontend front
  bind 127.0.0.1:${port}
  http-request set-var(txn.bearer) http_auth_bearer
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_header_query('$.alg') -m str ${algorithm} }
  http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(${algorithm},"${pem}") -m int 1 }
  default_backend back
backend back
  server s1 127.0.0.1:${backend} pool-max-conn 1024
`);
  return ready({ name: `HAProxy, jwt_verify ${algorithm}`, child: start(core, 'haproxy', ['-f', file, '-db']),
    url: urlOf(port), headers: bearer(issuer.token()) });
}

// Verifies its own tokens and those of `issuers`; asks for the permission, too.
export async function startGatehouse(name, backend, issuers = [], keySetPort = 0) {
  const tlsPort = await freePort();
  const { command, serve } = install(name, `
io: {threads: 1}
log: {level: warn}
gateway:
  access_log: false
  http2_cleartext: true
  tls: {listen: "127.0.0.1:${tlsPort}", certificates: [{certificate: ${certificate}, key: ${key}}]}
  routes:
    - {path: /api, upstreams: ["http://127.0.0.1:${backend}"], strip_prefix: true, permission: "files:read"}
  issuers:${issuers.length === 0 ? ' []' : ''}
${issuers.map((one) => `    - {name: ${one.name}, issuer: "${one.issuer}", audience: bench, roles_claim: roles,
       jwks_url: "http://127.0.0.1:${keySetPort}/${one.name}", roles: ["user=user"], permissions: ["user=files:read"]}`).join('\n')}
`);
  command('user', 'add', 'ada', '--role', 'user', '--password-stdin');
  const { port, child } = await serve(core);
  return ready({ name: 'Gatehouse', child, url: urlOf(port, '/api/orders/7'), http2Url: urlOf(port, '/api/orders/7'),
    tlsUrl: secure(tlsPort, '/api/orders/7'), headers: bearer(await logIn(port, 'ada')) });
}
