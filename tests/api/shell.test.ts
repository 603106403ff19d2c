// SPDX-License-Identifier: Apache-2.0
// What the program gives to shells and to man: completions that complete, a page that roff takes.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { binary, scratchDirectory } from '../support/gatehouse.js';

const scratch = scratchDirectory();
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const run = (program: string, args: string[], input = '', cwd = scratch) => spawnSync(program, args, { encoding: 'utf8', timeout: 20_000, input, cwd });
const has = (program: string) => run(program, ['--version']).error === undefined;

function completion(shell: string): string {
  const outcome = run(binary, ['completion', shell]);
  expect(outcome.status).toBe(0);
  return outcome.stdout;
}

// What bash offers for the last word.
function offered(...words: string[]): string[] {
  const script = `${completion('bash')}\nCOMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _gatehouse; printf '%s\\n' "\${COMPREPLY[@]}"\n`;
  const outcome = run('bash', ['-s', '--', 'gatehouse', ...words], script);
  expect(outcome.stderr).toBe('');
  return outcome.stdout.split('\n').filter((line) => line !== '');
}

test('bash completes commands, options and what they take', () => {
  writeFileSync(path.join(scratch, 'holiday.mp4'), '');
  mkdirSync(path.join(scratch, 'holidays'));
  expect(offered('us')).toEqual(['user']);
  expect(offered('user', 'a')).toEqual(['add']);
  expect(offered('user', 'add', '--em')).toEqual(['--email']);
  expect(offered('serve', '--role', 'g')).toEqual(['gateway']);
  expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  expect(offered('health', '')).toEqual(['ready', 'live', 'started']);
  expect(offered('upload', 'holi').sort()).toEqual(['holiday.mp4', 'holidays']);
  expect(offered('doctor', '--data', 'holi')).toEqual(['holidays']);
  expect(offered('files', 'rm', 'holi')).toEqual([]);
  expect(offered('des')).toEqual([]); // hidden
});

test.each(['zsh', 'fish'])('%s can read its completion', (shell) => {
  const script = completion(shell);
  expect(script).toContain('doctor');
  if (has(shell)) expect(run(shell, ['-n', '/dev/stdin'], script)).toMatchObject({ status: 0, stderr: '' });
});

test('another shell has none', () => {
  const outcome = run(binary, ['completion', 'csh']);
  expect(outcome.status).toBe(2);
  expect(outcome.stderr).toContain('bash, zsh and fish');
});

test('the manual page is right for roff and has every command', () => {
  const page = run(binary, ['man']).stdout;
  for (const command of ['serve', 'user add', 'doctor', 'health', 'files get', 'upload']) expect(page).toContain(`.SS gatehouse ${command}\n`);
  if (!has('groff')) return;
  expect(run('groff', ['-man', '-Tutf8', '-ww', '-z'], page)).toMatchObject({ status: 0, stderr: '' });
});
