// SPDX-License-Identifier: Apache-2.0
// Compiled, not run: what the types must allow, give and refuse.
import type { FilePage, FileRecord, Gatehouse, Schemas } from '../src/index.js';

export async function allowed(client: Gatehouse): Promise<void> {
  const page: FilePage = await client.request('GET', '/files', { query: { limit: 10 } });
  const record: FileRecord = await client.request('GET', '/files/{id}', { path: { id: page.items[0]!.id } });
  const account: Schemas['Account'] = await client.request('GET', '/profile');
  const tokens: Schemas['Tokens'] = await client.request('POST', '/login', { json: { username: 'ada', password: '-' } });
  const nothing: undefined = await client.request('DELETE', '/files/{id}', { path: { id: record.id }, timeoutMs: 1000 });
  const content: Blob | undefined = await client.request('GET', '/files/{id}/content', { path: { id: record.id } });
  const uploaded: FilePage = await client.request('POST', '/upload', { body: new FormData() });
  await client.request('PATCH', '/uploads/{id}', { path: { id: '7' }, headers: { 'Tus-Resumable': '1.0.0', 'Upload-Offset': 0 }, body: 'x' });
  void [account, tokens, nothing, content, uploaded];
}

export async function refused(client: Gatehouse): Promise<void> {
  // @ts-expect-error there is no such path
  await client.request('GET', '/nowhere');
  // @ts-expect-error there is no such method of this path
  await client.request('PUT', '/files');
  // @ts-expect-error it does not end
  await client.request('GET', '/events');
  // @ts-expect-error id is missing
  await client.request('GET', '/files/{id}');
  // @ts-expect-error id is missing
  await client.request('GET', '/files/{id}', { path: {} });
  // @ts-expect-error a limit is a number
  await client.request('GET', '/files', { query: { limit: 'ten' } });
  // @ts-expect-error the password is missing
  await client.request('POST', '/login', { json: { username: 'ada' } });
  // @ts-expect-error the version of tus is missing
  await client.request('HEAD', '/uploads/{id}', { path: { id: '7' } });
  // @ts-expect-error a record, not a page
  const page: FilePage = await client.request('GET', '/files/{id}', { path: { id: '7' } });
  void page;
}
