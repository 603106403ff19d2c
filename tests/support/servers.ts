// SPDX-License-Identifier: Apache-2.0
// A database, a GridFS and a virtual host of a test's own on the servers of tools/services.
import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { promisify } from 'node:util';
import { MongoClient } from 'mongodb';
import { root } from './process.js';

// One of the variables that `tools/services up` prints.
function required(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: run this through tools/run_tests, or start tools/services up and read build/services/env`);
  return value;
}

const program = path.join(root, 'tools/services');
const where = () => required('GATEHOUSE_TEST_SERVICES');

// Stops, kills or starts a server, while the test's own proxies and uploads go on.
export async function services(command: 'stop' | 'kill' | 'start', server: 'mariadb' | 'rabbitmq' | 'mongodb'): Promise<void> {
  await promisify(execFile)(program, [command, server, where()]);
}

export class Stores {
  readonly name = `test_${randomBytes(6).toString('hex')}`;
  readonly mysql: URL;
  readonly mongodb: URL;
  readonly rabbitmq: URL;

  constructor() {
    this.mysql = new URL(required('GATEHOUSE_TEST_MYSQL'));
    this.mysql.pathname = `/${this.name}`;
    this.mongodb = new URL(required('GATEHOUSE_TEST_MONGODB'));
    this.mongodb.pathname = `/${this.name}`;
    this.rabbitmq = new URL(required('GATEHOUSE_TEST_RABBITMQ'));
    this.rabbitmq.pathname = `/${this.name}`;
  }

  private created = false;

  create(): void {
    if (this.created) return;
    this.created = true;
    this.sql(`CREATE DATABASE ${this.name} CHARACTER SET utf8mb4`);
    execFileSync(program, ['vhost', this.name, where()], { stdio: 'pipe' });
  }

  async remove(): Promise<void> {
    if (!this.created) return;
    this.sql(`DROP DATABASE IF EXISTS ${this.name}`);
    execFileSync(program, ['unvhost', this.name, where()], { stdio: 'pipe' });
    await this.withMongo((client) => client.db(this.name).dropDatabase());
  }

  // Runs SQL as the administrator of the tests' server and gives the answer's lines.
  sql(statement: string): string {
    const { hostname, port, username, password } = this.mysql;
    const args = ['--no-defaults', '--protocol=tcp', '-h', hostname, '-P', port, '-u', username, '--batch', '--skip-column-names', '-e', statement];
    return execFileSync('mariadb', args, { encoding: 'utf8', env: { ...process.env, MYSQL_PWD: password } });
  }

  async withMongo<T>(use: (client: MongoClient) => Promise<T>): Promise<T> {
    const client = new MongoClient(this.mongodb.href, { serverSelectionTimeoutMS: 10_000 });
    try {
      return await use(client);
    } finally {
      await client.close();
    }
  }
}
