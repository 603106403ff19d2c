// SPDX-License-Identifier: Apache-2.0
// What was uploaded through HTTP is GridFS: the official driver reads it back byte for byte.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { GridFSBucket } from 'mongodb';
import { distributed, Gatehouse } from '../support/gatehouse.js';

const chunk = 255 * 1024;

// Only the distributed installation has a MongoDB.
describe.runIf(distributed)('the driver reads back', () => {
  const gatehouse = new Gatehouse();
  let token: string;

  beforeAll(async () => {
    await gatehouse.start();
    gatehouse.addUser('ada');
    token = await gatehouse.token('ada');
  });
  afterAll(() => gatehouse.stop());

  test.each([0, 1, chunk - 1, chunk, chunk + 1, 5 << 20])('a file of %i bytes', async (size) => {
    const content = randomBytes(size);
    const record = await gatehouse.upload(token, 'bytes.bin', content);
    await gatehouse.stores!.withMongo(async (client) => {
      const database = client.db();
      const document = await database.collection('fs.files').findOne({ 'metadata.id': record.id });
      expect(document).toMatchObject({ length: size, chunkSize: chunk, filename: 'bytes.bin' });
      const pieces: Buffer[] = [];
      for await (const piece of new GridFSBucket(database).openDownloadStream(document!._id)) pieces.push(piece as Buffer);
      expect(Buffer.concat(pieces).equals(content)).toBe(true);
    });
  });
});
