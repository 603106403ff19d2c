// SPDX-License-Identifier: Apache-2.0
// A user's own service, as it would stand behind the gateway: answers what it received.
import http from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Echo {
  url: string;
  requests: number;
  stop(): Promise<void>;
}

export async function startEchoService(): Promise<Echo> {
  const echo: Echo = { url: '', requests: 0, stop: async () => {} };
  const server = http.createServer((request, answer) => {
    echo.requests++;
    const parts: Buffer[] = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => {
      const fields: [string, string][] = [];
      for (let i = 0; i < request.rawHeaders.length; i += 2) fields.push([request.rawHeaders[i].toLowerCase(), request.rawHeaders[i + 1]]);
      answer.setHeader('content-type', 'application/json');
      answer.setHeader('x-from-service', 'yes');
      if (request.url!.startsWith('/status/')) answer.statusCode = Number(request.url!.slice(8));
      answer.end(JSON.stringify({ method: request.method, url: request.url, fields, body: Buffer.concat(parts).toString('latin1') }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  echo.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  echo.stop = () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()); });
  return echo;
}
