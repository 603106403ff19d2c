// SPDX-License-Identifier: Apache-2.0
// Who is calling, as the gateway says. It removes these fields from what clients send and writes its own, so they are as good
// as the network between: listen where nobody but the gateway can connect.

export async function callerByFields({ headers }) {
  const id = headers['x-user-id'];
  if (!id) return undefined;
  // What is not plain ASCII comes percent-encoded.
  const name = decodeURIComponent(headers['x-user-name'] ?? '');
  const roles = (headers['x-user-roles'] ?? '').split(',').filter((role) => role !== '');
  return { id, name, roles };
}
