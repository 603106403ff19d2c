// SPDX-License-Identifier: Apache-2.0
// A service that stands behind Gatehouse: each caller's own orders, kept in memory.
//
//   node service.mjs                                       believes X-User-Id and its like: nobody but the gateway reaches it
//   GATEHOUSE_URL=http://localhost:8080 node service.mjs   verifies each token itself: whoever can reach it
//
// PORT is where it listens on 127.0.0.1 (9000).
import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { callerByFields } from './caller.mjs';
import { callerByToken } from './verify_token.mjs';

const bodyBytesMax = 64 * 1024;
const ordersOfUserMax = 1000;
const usersMax = 10_000;

const gatehouse = process.env.GATEHOUSE_URL;
const callerOf = gatehouse ? callerByToken(gatehouse) : callerByFields;
const orders = new Map(); // the id of a user -> the orders

const refusal = (status, detail, fields = {}) => Object.assign(new Error(detail), { status, fields });

async function readOrder(request) {
  const parts = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += part.length;
    if (bytes > bodyBytesMax) throw refusal(413, `an order has at most ${bodyBytesMax} bytes`);
    parts.push(part);
  }
  let order;
  try {
    order = JSON.parse(Buffer.concat(parts).toString('utf8'));
  } catch {
    throw refusal(400, 'the body is not JSON');
  }
  const { item, quantity } = order ?? {};
  if (typeof item !== 'string' || item === '' || item.length > 200) throw refusal(400, 'item: a text of 1 to 200 characters');
  if (!Number.isInteger(quantity) || quantity < 1 || quantity > 1000) throw refusal(400, 'quantity: a whole number from 1 to 1000');
  return { item, quantity };
}

async function serve(request) {
  const [path] = request.url.split('?');
  if (path === '/healthz') return [200, { status: 'ok' }];
  if (path !== '/orders') throw refusal(404, `there is no ${path}`);
  const caller = await callerOf(request);
  if (!caller) throw refusal(401, 'nobody is named as the caller: requests come through the gateway, with a token', { 'www-authenticate': 'Bearer' });
  // Who verifies the token knows the permissions, too; else the gateway has asked for them (gatehouse.yaml).
  const permission = request.method === 'GET' ? 'orders:read' : 'orders:write';
  if (caller.may && !caller.may(permission)) throw refusal(403, `this needs the permission ${permission}`);
  const own = orders.get(caller.id) ?? [];
  if (request.method === 'GET') return [200, { user: caller.name, roles: caller.roles, items: own }];
  if (request.method !== 'POST') throw refusal(405, `there is no ${request.method}`, { allow: 'GET, POST' });
  const wanted = await readOrder(request);
  if (own.length >= ordersOfUserMax || (own.length === 0 && orders.size >= usersMax)) throw refusal(507, 'there is no room for more orders');
  const order = { id: randomUUID(), ...wanted, ordered_by: caller.name, ordered_at: new Date().toISOString() };
  orders.set(caller.id, [...(orders.get(caller.id) ?? []), order]);
  return [201, order];
}

const server = http.createServer(async (request, answer) => {
  let status, body;
  let fields = { 'content-type': 'application/json' };
  try {
    [status, body] = await serve(request);
  } catch (error) {
    if (!error.status) console.error(error);
    status = error.status ?? 500;
    body = { status, title: http.STATUS_CODES[status], detail: error.status ? error.message : 'the log of the service tells more' };
    fields = { ...error.fields, 'content-type': 'application/problem+json' };
  }
  // The id is that of the gateway's log and of GET /admin/requests/{id}.
  console.log(`${request.headers['x-request-id'] ?? '-'} ${request.method} ${request.url} ${status}`);
  answer.writeHead(status, fields).end(`${JSON.stringify(body)}\n`);
});
server.listen(Number(process.env.PORT ?? 9000), '127.0.0.1', () => {
  console.log(`orders on http://127.0.0.1:${server.address().port}, callers by ${gatehouse ? `tokens of ${gatehouse}` : 'X-User-Id'}`);
});
for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => server.close());
