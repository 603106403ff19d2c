// SPDX-License-Identifier: Apache-2.0
// Whether the time of a refused login tells if the account exists: logins with the wrong password of a user, with a name
// that nobody has, and with the right password of a disabled user, one after another in random order on one connection.
// Each two of the three are compared by the Mann-Whitney U test (shifts) and the Kolmogorov-Smirnov test (any
// difference); the exit code is 1 when a p-value is below 0.01 / 6 (Bonferroni, six tests).
//
//   bench/login_timing/run [--logins 2000] [--json]
import { Agent, request } from 'node:http';
import { argument, password, quantile, run, startGatehouse } from '../support/program.mjs';

const logins = argument('logins', 2000);
const warmUp = 50;
const limit = 0.01 / 6;

const kinds = [
  { name: 'wrong password', body: JSON.stringify({ username: 'ada', password: 'correct horse battery stable' }) },
  { name: 'unknown user', body: JSON.stringify({ username: 'eva', password: 'correct horse battery stable' }) },
  { name: 'disabled user', body: JSON.stringify({ username: 'eve', password }) },
];

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

function logIn(port, body) {
  return new Promise((resolve, reject) => {
    const begin = process.hrtime.bigint();
    const sent = request({ port, host: '127.0.0.1', path: '/login', method: 'POST', agent,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (answer) => {
      const micros = Number(process.hrtime.bigint() - begin) / 1000;
      answer.resume().on('end', () => (answer.statusCode === 401 ? resolve(micros)
        : reject(new Error(`a login was answered ${answer.statusCode}`))));
    });
    sent.on('error', reject).end(body);
  });
}

function shuffle(list) {
  for (let i = list.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
  return list;
}

// The upper tail of the normal distribution (Abramowitz and Stegun 7.1.26), two-sided.
function pOfZ(z) {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.min(1, poly * Math.exp(-x * x));
}

function mannWhitney(a, b) {
  const all = [...a.map((value) => ({ value, first: true })), ...b.map((value) => ({ value, first: false }))];
  all.sort((x, y) => x.value - y.value);
  let rankSum = 0;
  let ties = 0;
  for (let i = 0; i < all.length;) {
    let end = i;
    while (end < all.length && all[end].value === all[i].value) end++;
    const rank = (i + 1 + end) / 2;
    ties += (end - i) ** 3 - (end - i);
    for (let k = i; k < end; k++) if (all[k].first) rankSum += rank;
    i = end;
  }
  const n = a.length * b.length;
  const total = a.length + b.length;
  const u = rankSum - (a.length * (a.length + 1)) / 2;
  const deviation = Math.sqrt((n / 12) * (total + 1 - ties / (total * (total - 1))));
  return pOfZ((u - n / 2) / deviation);
}

function kolmogorovSmirnov(a, b) {
  const x = [...a].sort((p, q) => p - q);
  const y = [...b].sort((p, q) => p - q);
  let distance = 0;
  for (let i = 0, j = 0; i < x.length && j < y.length;) {
    const at = Math.min(x[i], y[j]);
    while (i < x.length && x[i] <= at) i++;
    while (j < y.length && y[j] <= at) j++;
    distance = Math.max(distance, Math.abs(i / x.length - j / y.length));
  }
  const size = Math.sqrt((x.length * y.length) / (x.length + y.length));
  const lambda = (size + 0.12 + 0.11 / size) * distance;
  if (lambda < 0.2) return 1;
  let p = 0;
  for (let k = 1; k <= 100; k++) p += 2 * (-1) ** (k - 1) * Math.exp(-2 * k * k * lambda * lambda);
  return Math.min(1, Math.max(0, p));
}

await run('login_timing', async () => {
  const { port } = await startGatehouse({
    yaml: 'auth: {throttle: {enabled: false}}\ngateway: {access_log: false}\nlog: {level: warn}\n',
    users: [{ name: 'ada' }, { name: 'eve', disabled: true }],
  });
  for (const kind of kinds) {
    kind.micros = [];
    for (let i = 0; i < warmUp; i++) await logIn(port, kind.body);
  }
  for (let i = 0; i < logins; i++)
    for (const kind of shuffle([...kinds])) kind.micros.push(await logIn(port, kind.body));
  agent.destroy();

  const tests = [];
  for (const [i, j] of [[0, 1], [0, 2], [1, 2]]) {
    const [a, b] = [kinds[i], kinds[j]];
    tests.push({ of: `${a.name} / ${b.name}`, mannWhitney: mannWhitney(a.micros, b.micros),
      kolmogorovSmirnov: kolmogorovSmirnov(a.micros, b.micros) });
  }
  const alike = tests.every((test) => test.mannWhitney >= limit && test.kolmogorovSmirnov >= limit);
  const medians = kinds.map((kind) => ({ name: kind.name, p10: quantile(kind.micros, 0.1),
    median: quantile(kind.micros, 0.5), p90: quantile(kind.micros, 0.9) }));
  if (process.argv.includes('--json')) {
    console.log(JSON.stringify({ logins, medians, tests, alike }, null, 2));
    return alike ? 0 : 1;
  }
  console.log(`${logins} refused logins of each kind`);
  console.log('login                p10 ms   median ms   p90 ms');
  for (const row of medians)
    console.log(`${row.name.padEnd(18)} ${(row.p10 / 1000).toFixed(3).padStart(8)} ` +
      `${(row.median / 1000).toFixed(3).padStart(11)} ${(row.p90 / 1000).toFixed(3).padStart(8)}`);
  console.log('compared                          Mann-Whitney p   Kolmogorov-Smirnov p');
  for (const test of tests)
    console.log(`${test.of.padEnd(33)} ${test.mannWhitney.toFixed(3).padStart(14)} ` +
      `${test.kolmogorovSmirnov.toFixed(3).padStart(22)}`);
  console.log(alike ? 'They cannot be told apart.' : 'They can be told apart.');
  return alike ? 0 : 1;
});
