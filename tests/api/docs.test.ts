// SPDX-License-Identifier: Apache-2.0
// The pages point at what is there: links and their anchors, files of the repository, commands of the program; and the page that
// is made from another file is what that file gives.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../support/process.js';

function markdown(directory: string): string[] {
  return readdirSync(path.join(root, directory), { withFileTypes: true }).flatMap((entry) => {
    const file = path.join(directory, entry.name);
    if (entry.isDirectory()) return /^\.|^node_modules$|^build|^data$|^third_party$/.test(entry.name) ? [] : markdown(file);
    return entry.name.endsWith('.md') ? [file] : [];
  });
}

const pages = markdown('.');
const text = (file: string) => readFileSync(path.join(root, file), 'utf8');
const withoutCode = (page: string) => page.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, '');

// As the places that show such pages make them from headings.
function anchors(page: string): Set<string> {
  const headings = page.replace(/^```[^]*?^```$/gm, '').matchAll(/^#+ +(.+)$/gm);
  return new Set([...headings].map(([, heading]) => heading.trim().toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-')));
}

test('links lead somewhere', () => {
  const broken: string[] = [];
  for (const page of pages)
    for (const [, link] of withoutCode(text(page)).matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(link)) continue;
      const [file, anchor] = link.split('#');
      const target = file === '' ? page : path.join(path.dirname(page), file);
      if (!existsSync(path.join(root, target))) broken.push(`${page}: ${link}`);
      else if (anchor !== undefined && target.endsWith('.md') && !anchors(text(target)).has(anchor)) broken.push(`${page}: ${link}`);
    }
  expect(pages.length).toBeGreaterThan(20);
  expect(broken).toEqual([]);
});

test('files that pages name are there', () => {
  const missing: string[] = [];
  for (const page of pages.filter((file) => /^(docs\/[^/]*|README|examples\/.*)\.md$/.test(file)))
    for (const [, file] of text(page).matchAll(/`((?:src|tests|tools|bench|docs|examples)\/[\w./-]+)`/g))
      if (!existsSync(path.join(root, file))) missing.push(`${page}: ${file}`);
  expect(missing).toEqual([]);
});

test('commands that pages name are there', () => {
  const commands = new Set([...text('tests/golden/help.txt').matchAll(/^==== gatehouse ((?:[a-z-]+ )+)--help/gm)].map(([, words]) => words.trim()));
  expect(commands.size).toBeGreaterThan(20);
  const groups = new Set([...commands].filter((command) => command.includes(' ')).map((command) => command.split(' ')[0]));
  const unknown: string[] = [];
  for (const page of pages.filter((file) => /^(docs\/[^/]*|README|examples\/.*)\.md$/.test(file)))
    for (const [, first, second] of text(page).matchAll(/^ {4}(?:build\/)?gatehouse ([a-z-]+)(?: ([a-z-]+))?(?=\s|$)/gm)) {
      if (!commands.has(first)) unknown.push(`${page}: ${first}`);
      else if (groups.has(first) && second !== undefined && !commands.has(`${first} ${second}`)) unknown.push(`${page}: ${first} ${second}`);
    }
  expect(unknown).toEqual([]);
});

test('the reference of the API is what openapi.json says', () => {
  execFileSync('python3', ['-B', 'tools/api_reference', '--check'], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
});
