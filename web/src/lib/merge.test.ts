// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';

import { mergeFiles } from './merge';
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
