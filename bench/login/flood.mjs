// SPDX-License-Identifier: Apache-2.0
// node flood.mjs PORT CLIENTS SECONDS USER...: so many clients log in again and again, each on a connection of its own;
// after a 503 a client waits as Retry-After says. Prints how many were answered how, in the SECONDS after all have
// begun, as JSON.
import { Agent, request } from 'node:http';
import { password } from '../support/program.mjs';

const [port, clients, seconds] = process.argv.slice(2, 5).map(Number);
const users = process.argv.slice(5);
const agent = new Agent({ keepAlive: true, maxSockets: clients });
const answers = {};
let counting = false;
let over = false;

function logIn(username) {
  const body = JSON.stringify({ username, password });
  return new Promise((resolve, reject) => {
    request({ port, host: '127.0.0.1', path: '/login', method: 'POST', agent,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (answer) => {
      answer.resume().on('end', () => resolve(answer));
    }).on('error', reject).end(body);
  });
}

async function client(index) {
  while (!over) {
    const answer = await logIn(users[index % users.length]).catch(() => ({ statusCode: 'broken', headers: {} }));
    if (counting) answers[answer.statusCode] = (answers[answer.statusCode] ?? 0) + 1;
    if (answer.statusCode !== 200)
      await new Promise((resolve) => setTimeout(resolve, 1000 * Number(answer.headers['retry-after'] ?? 1)));
  }
}

for (let i = 0; i < clients; i++) client(i);
setTimeout(() => { counting = true; }, 2000);
setTimeout(() => {
  console.log(JSON.stringify({ clients, seconds, answers, loginsPerSecond: (answers[200] ?? 0) / seconds }));
  process.exit(0);
}, 2000 + seconds * 1000);
