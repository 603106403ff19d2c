// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';

import { mergeFiles, overtake, replaceFirstPage } from './merge';
import { may, type FileRecord, type User } from './types';

const file = (id: string, state: FileRecord['state'] = 'processed') => ({ id, state }) as FileRecord;
const ids = (list: FileRecord[]) => list.map(({ id }) => id);

test('what is known is replaced in its place', () => {
  const merged = mergeFiles([file('3'), file('2', 'stored'), file('1')], [file('2', 'failed')]);
  expect(ids(merged)).toEqual(['3', '2', '1']);
  expect(merged[1]?.state).toBe('failed');
});

test('what is new stands where its time puts it', () => {
  expect(ids(mergeFiles([file('5'), file('3')], [file('6'), file('4'), file('1')]))).toEqual(['6', '5', '4', '3', '1']);
});

test('an answer does not undo what was told while it was on its way', () => {
  const news = new Map([
    ['2', file('2', 'processed')],
    ['1', null],
  ]);
  const answer = overtake([file('3'), file('2', 'processing'), file('1')], news);
  expect(ids(answer)).toEqual(['3', '2']);
  expect(answer[1]?.state).toBe('processed');
});

test('what the first page no longer has is gone, what stands further down stays', () => {
  const list = [file('6'), file('5'), file('4'), file('2'), file('1')];
  expect(ids(replaceFirstPage(list, [file('7'), file('6'), file('4')], false))).toEqual(['7', '6', '4', '2', '1']);
  expect(ids(replaceFirstPage(list, [file('6')], true))).toEqual(['6']);
  expect(replaceFirstPage(list, [], true)).toEqual([]);
});

test.each([
  [['admin:users'], 'admin:users', true],
  [['admin:*'], 'admin:users', true],
  [['*'], 'admin:users', true],
  [['files:*', 'admin'], 'admin:users', false],
  [['admin:user'], 'admin:users', false],
  [[], 'admin:users', false],
])('with %j, %s is %s', (permissions, permission, expected) => {
  expect(may({ permissions } as unknown as User, permission)).toBe(expected);
  expect(may(null, permission)).toBe(false);
});
