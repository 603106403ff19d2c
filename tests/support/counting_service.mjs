// SPDX-License-Identifier: Apache-2.0
// A service of its own process, so that it can be killed: node counting_service.mjs PORT LOG. Every request that it begins is
// a line in LOG before anything else happens; its answer comes a little later.
import { appendFileSync } from 'node:fs';
import http from 'node:http';

const [port, log] = process.argv.slice(2);
const server = http.createServer((request, answer) => {
  request.resume();
  request.on('error', () => {});
  request.on('end', () => {
    appendFileSync(log, `${request.method} ${request.url}\n`);
    setTimeout(() => answer.end(`${process.pid} ${request.url}`), 2 + Math.random() * 8);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(port), '127.0.0.1', 1024, () => console.log('listening'));
