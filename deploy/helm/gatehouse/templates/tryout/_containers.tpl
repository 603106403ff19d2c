{{/* SPDX-License-Identifier: Apache-2.0 */}}
{{/* What differs between the containers of the stores. */}}

{{- define "gatehouse.tryout.mysql" -}}
env:
  - {name: MYSQL_ROOT_PASSWORD_FILE, value: /run/secrets/mysql_root_password}
  - {name: MYSQL_ROOT_HOST, value: localhost}
  - {name: MYSQL_DATABASE, value: gatehouse}
  - {name: MYSQL_USER, value: gatehouse}
  - {name: MYSQL_PASSWORD_FILE, value: /run/secrets/mysql_password}
# While it makes its database it listens on a socket only.
startupProbe:
  tcpSocket: {port: mysql}
  periodSeconds: 5
  failureThreshold: 60
livenessProbe:
  tcpSocket: {port: mysql}
  periodSeconds: 20
readinessProbe:
  exec: {command: [mysqladmin, ping, --protocol=tcp, --host=127.0.0.1, --silent]}
  periodSeconds: 10
  timeoutSeconds: 5
resources:
  requests: {cpu: 100m, memory: 512Mi}
  limits: {memory: 1Gi}
volumeMounts:
  - {name: data, mountPath: /var/lib/mysql, subPath: mysql}
  - {name: tmp, mountPath: /tmp}
  - {name: run, mountPath: /var/run/mysqld}
  - {name: secrets, mountPath: /run/secrets/mysql_root_password, subPath: mysql-root-password, readOnly: true}
  - {name: secrets, mountPath: /run/secrets/mysql_password, subPath: mysql-password, readOnly: true}
{{- end -}}

{{- define "gatehouse.tryout.mongodb" -}}
# mongod takes a key file only when nobody else can read it.
command: [bash, -c, 'install -m 0400 /run/secrets/mongodb_key /tmp/key && exec docker-entrypoint.sh "$@"', "--"]
args: [mongod, --replSet, rs0, --keyFile, /tmp/key, --bind_ip_all]
env:
  - {name: HOME, value: /tmp}
  - {name: GATEHOUSE_MONGODB_HOST, value: {{ include "gatehouse.fullname" . }}-mongodb:27017}
  - {name: MONGO_INITDB_ROOT_USERNAME, value: root}
  - {name: MONGO_INITDB_ROOT_PASSWORD_FILE, value: /run/secrets/mongodb_root_password}
startupProbe:
  exec: {command: [mongosh, --quiet, --norc, admin, /scripts/ready.js]}
  periodSeconds: 5
  timeoutSeconds: 10
  failureThreshold: 60
livenessProbe:
  tcpSocket: {port: mongodb}
  periodSeconds: 20
readinessProbe:
  exec: {command: [mongosh, --quiet, --norc, admin, /scripts/ready.js]}
  periodSeconds: 20
  timeoutSeconds: 10
resources:
  requests: {cpu: 100m, memory: 512Mi}
  limits: {memory: 1Gi}
volumeMounts:
  - {name: data, mountPath: /data/db, subPath: mongodb}
  - {name: tmp, mountPath: /tmp}
  - {name: configdb, mountPath: /data/configdb}
  - {name: scripts, mountPath: /scripts, readOnly: true}
  - {name: scripts, mountPath: /docker-entrypoint-initdb.d/user.js, subPath: user.js, readOnly: true}
  - {name: secrets, mountPath: /run/secrets/mongodb_key, subPath: mongodb-key, readOnly: true}
  - {name: secrets, mountPath: /run/secrets/mongodb_root_password, subPath: mongodb-root-password, readOnly: true}
  - {name: secrets, mountPath: /run/secrets/mongodb_password, subPath: mongodb-password, readOnly: true}
{{- end -}}

{{- define "gatehouse.tryout.rabbitmq" -}}
env:
  - {name: RABBITMQ_LOGS, value: "-"}
startupProbe:
  exec: {command: [rabbitmq-diagnostics, --quiet, check_port_connectivity]}
  periodSeconds: 10
  timeoutSeconds: 15
  failureThreshold: 30
livenessProbe:
  tcpSocket: {port: rabbitmq}
  periodSeconds: 20
readinessProbe:
  exec: {command: [rabbitmq-diagnostics, --quiet, check_port_connectivity]}
  periodSeconds: 30
  timeoutSeconds: 15
resources:
  requests: {cpu: 100m, memory: 256Mi}
  limits: {memory: 1Gi}
volumeMounts:
  - {name: data, mountPath: /var/lib/rabbitmq, subPath: rabbitmq}
  - {name: tmp, mountPath: /tmp}
  - {name: secrets, mountPath: /etc/rabbitmq/conf.d/90-user.conf, subPath: rabbitmq-user, readOnly: true}
{{- end -}}
