// SPDX-License-Identifier: Apache-2.0
// Set up for every file of tests: what a sanitizer reports of any process of the program, a server or a command, ended or
// killed, fails the file. Reports go to a directory of the file's own, so that none is lost with an output nobody reads.
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll } from 'vitest';

const reports = mkdtempSync(path.join(tmpdir(), 'gatehouse-sanitizer-'));
chmodSync(reports, 0o1777); // for commands that a test runs as another user
process.env.GATEHOUSE_TEST_REPORTS = path.join(reports, 'report'); // with a dot and the number of the process behind it
const symbolizer = '/usr/bin/llvm-symbolizer-19';
const shared = `log_path=${process.env.GATEHOUSE_TEST_REPORTS}${existsSync(symbolizer) ? `:external_symbolizer_path=${symbolizer}` : ''}`;
for (const [name, options] of [['ASAN_OPTIONS', shared], ['UBSAN_OPTIONS', `${shared}:print_stacktrace=1`]])
  process.env[name] = [process.env[name], options].filter(Boolean).join(':');

// The first hook of a file is the last that runs: servers that the file's own hooks end have written theirs by then.
afterAll(() => {
  const found = readdirSync(reports).map((name) => readFileSync(path.join(reports, name), 'utf8'));
  rmSync(reports, { recursive: true, force: true });
  if (found.length > 0) throw new Error(`a sanitizer reported ${found.length} times:\n${found.map((report) => report.slice(0, 10_000)).join('\n')}`);
});
