// SPDX-License-Identifier: Apache-2.0
// Runs once, when the database is made: the user that Gatehouse connects as, who may use its own database only.
const password = require('fs').readFileSync('/run/secrets/mongodb_password', 'utf8').trim();
db.getSiblingDB('gatehouse').createUser({ user: 'gatehouse', pwd: password, roles: [{ role: 'readWrite', db: 'gatehouse' }] });
