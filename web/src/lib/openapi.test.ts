// SPDX-License-Identifier: Apache-2.0
// The reference against the real document.
import { describe, expect, test } from 'vitest';

import text from '../../../docs/openapi.json?raw';
import { curlOf, fieldsOf, matches, meaningOf, proseOf, resolve, sampleOf, sectionsOf, typeOf, type Document } from './openapi';

const document = JSON.parse(text) as Document;
const sections = sectionsOf(document);
const operations = sections.flatMap((section) => section.operations);
const find = (method: string, path: string) => operations.find((one) => one.method === method && one.path === path)!;
const curl = (method: string, path: string) => curlOf(document, find(method, path), 'https://gate.example');
const words = (schema: Parameters<typeof typeOf>[0]) => typeOf(schema).map((word) => word.text).join('');

test('every operation has its place, once', () => {
  const count = Object.values(document.paths).reduce((sum, methods) => sum + Object.keys(methods).length, 0);
  expect(operations).toHaveLength(count);
  expect(operations.every((operation) => operation.answers.length + operation.problems.length > 0)).toBe(true);
  expect(new Set(operations.map((operation) => operation.id)).size).toBe(count);
});

test('problems stand beside answers, by their codes', () => {
  const upload = find('POST', '/upload');
  expect(upload.answers.map((answer) => answer.status)).toEqual(['201']);
  expect(upload.problems.find((problem) => problem.status === '400')?.description).toBe('`bad_multipart`, `invalid_request`, `body_incomplete`');
  expect(upload.access).toEqual(['bearer', 'cookie']);
  expect(find('GET', '/openapi.json').access).toEqual(['nobody']);
});

test.each([
  [{ $ref: '#/components/schemas/File' }, 'File'],
  [{ type: 'array', items: { $ref: '#/components/schemas/File' } }, 'list of File'],
  [{ type: ['string', 'null'] }, 'string or null'],
  [{ type: 'string', format: 'uuid' }, 'string (uuid)'],
  [{ enum: ['stored', 'failed'] }, '“stored”, “failed”'],
  [{ anyOf: [{ type: 'integer' }, { type: 'null' }] }, 'integer or null'],
  [{ type: 'object', additionalProperties: { type: 'integer' } }, 'object of integer'],
  [{}, 'anything'],
])('%j is "%s" in words', (schema, expected) => {
  expect(words(schema)).toBe(expected);
});

test('bounds follow what a field means', () => {
  expect(meaningOf({ description: 'How many.', minimum: 1, maximum: 200, default: 50 })).toBe('How many; at least `1`; at most `200`; default `50`');
});

test('fields of objects inside are named by their way', () => {
  const names = fieldsOf(document, resolve(document, { $ref: '#/components/schemas/Status' })).map((field) => field.name);
  expect(names).toContain('disk.capacity_bytes');
  expect(names).toContain('roles[].name');
});

describe('a request to copy', () => {
  test('has what the operation needs', () => {
    expect(curl('POST', '/login')).toBe('curl -X POST https://gate.example/login \\\n  -u ada');
    expect(curl('GET', '/files')).toBe('curl https://gate.example/files \\\n  -H "Authorization: Bearer $TOKEN"');
    expect(curl('GET', '/files/{id}/content')).toContain('https://gate.example/files/ID/content');
    expect(curl('POST', '/upload')).toContain('-F file=@video.mp4');
    expect(curl('GET', '/download')).toContain("'https://gate.example/download?fid=");
    const body = /-d '(.*)'/.exec(curl('POST', '/admin/users'))![1]!;
    expect(JSON.parse(body)).toMatchObject({ username: 'ada' });
  });

  test('is there for every operation, with no quote left open', () => {
    for (const operation of operations) {
      const text = curlOf(document, operation, 'https://gate.example');
      expect(text.replaceAll("'\\''", '').split("'").length % 2, text).toBe(1);
      expect(text).not.toMatch(/undefined|\[object|\{\w+\}/);
    }
  });

  test('a sample never goes round in circles', () => {
    for (const schema of Object.values(document.components.schemas)) expect(() => sampleOf(document, schema)).not.toThrow();
  });
});

test('a search finds by path, method and words', () => {
  const found = (search: string) => operations.filter((operation) => matches(operation, search)).map((operation) => `${operation.method} ${operation.path}`);
  expect(found('post /upload')).toContain('POST /upload');
  expect(found('dead retry')).toEqual(['POST /admin/dead/{id}/retry']);
  expect(found('')).toHaveLength(operations.length);
  expect(found('no such thing')).toEqual([]);
});

test('code in sentences is told from words', () => {
  expect(proseOf('Needs `files:write`.')).toEqual(['Needs ', 'files:write', '.']);
});
