// SPDX-License-Identifier: Apache-2.0
// node steady.mjs PORT PATH TOKEN RATE SECONDS: sends RATE requests in a second, whatever the answers do, over kept
// connections; prints the latencies as JSON. A request that finds every connection busy waits, and that counts.
import { connect } from 'node:net';

const [port, path, token, rate, seconds] = process.argv.slice(2).map((word, i) => (i === 1 || i === 2 ? word : Number(word)));
const connections = 64;
const head = `GET ${path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer ${token}\r\n\r\n`;
const free = [];
const waiting = [];
const millis = [];
let failed = 0;

function send(connection, due) {
  connection.due = due;
  connection.write(head);
}

function answered(connection, text) {
  connection.text += text;
  const end = connection.text.indexOf('\r\n\r\n');
  if (end < 0) return;
  const length = Number(/content-length: (\d+)/i.exec(connection.text)?.[1] ?? 0);
  if (connection.text.length < end + 4 + length) return;
  if (!connection.text.startsWith('HTTP/1.1 200')) failed++;
  millis.push(performance.now() - connection.due);
  connection.text = '';
  const due = waiting.shift();
  if (due === undefined) free.push(connection);
  else send(connection, due);
}

for (let i = 0; i < connections; i++) {
  const connection = connect(port, '127.0.0.1');
  await new Promise((resolve) => connection.once('connect', resolve));
  connection.setNoDelay(true);
  connection.setEncoding('latin1');
  connection.text = '';
  connection.on('data', (text) => answered(connection, text));
  connection.on('error', () => { failed++; });
  free.push(connection);
}

const begin = performance.now();
let sent = 0;
// setImmediate keeps the pace finer than timers can; this process has a core for itself and the other clients.
function tick() {
  const now = performance.now();
  const due = Math.min(((now - begin) * rate) / 1000, rate * seconds);
  for (; sent < due; sent++) {
    const at = begin + (sent * 1000) / rate;
    const connection = free.pop();
    if (connection) send(connection, at);
    else waiting.push(at);
  }
  if (millis.length < rate * seconds && now - begin < (seconds + 10) * 1000) setTimeout(tick, 1);
  else finish();
}

function finish() {
  millis.sort((a, b) => a - b);
  const at = (part) => millis[Math.min(millis.length - 1, Math.floor(part * millis.length))];
  console.log(JSON.stringify({ answered: millis.length, failed, perSecond: millis.length / ((performance.now() - begin) / 1000),
    p50: at(0.5), p99: at(0.99), max: millis.at(-1) }));
  process.exit(0);
}
tick();
