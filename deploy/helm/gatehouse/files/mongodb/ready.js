// SPDX-License-Identifier: Apache-2.0
// The health check: fails until this server is the primary of its replica set of one, which the first call makes.
const admin = db.getSiblingDB('admin');
admin.auth('root', require('fs').readFileSync('/run/secrets/mongodb_root_password', 'utf8').trim());
try {
  rs.status();
} catch (error) {
  if (error.codeName !== 'NotYetInitialized') throw error;
  rs.initiate({ _id: 'rs0', members: [{ _id: 0, host: process.env.GATEHOUSE_MONGODB_HOST }] });
}
if (!db.hello().isWritablePrimary) quit(1);
