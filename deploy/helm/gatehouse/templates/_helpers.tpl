{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{- define "gatehouse.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "gatehouse.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "gatehouse.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "gatehouse.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What pods are found by. (dict "root" $ "component" "auth") */}}
{{- define "gatehouse.selector" -}}
app.kubernetes.io/name: {{ include "gatehouse.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "gatehouse.labels" -}}
{{ include "gatehouse.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: gatehouse
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "gatehouse.roles" -}}
gateway: {port: 8080, secrets: [serviceKey], reaches: [auth, files]}
auth: {port: 8081, secrets: [authStore, eventsStore, serviceKey, encryptionKey], reaches: []}
files: {port: 8082, secrets: [filesStore, eventsStore, serviceKey], reaches: [auth]}
worker: {secrets: [filesStore, eventsStore], reaches: []}
notifier: {secrets: [eventsStore, serviceKey, smtpPassword], reaches: [auth]}
{{- end -}}

{{- define "gatehouse.opsPort" -}}9090{{- end -}}

{{/* The variable that each secret is read into. */}}
{{- define "gatehouse.variables" -}}
serviceKey: GATEHOUSE_SERVICE_KEY
encryptionKey: GATEHOUSE_AUTH__ENCRYPTION_KEY
authStore: GATEHOUSE_AUTH__STORE
filesStore: GATEHOUSE_FILES__STORE
eventsStore: GATEHOUSE_EVENTS__STORE
smtpPassword: GATEHOUSE_NOTIFIER__SMTP__PASSWORD
{{- end -}}

{{/* The secrets that are there: those of the values, or those made for trying out. As YAML. */}}
{{- define "gatehouse.secrets" -}}
{{- $secrets := deepCopy .Values.secrets -}}
{{- if .Values.tryout.enabled -}}
{{- range $name, $key := dict "serviceKey" "service-key" "encryptionKey" "encryption-key" "authStore" "auth-store" "filesStore" "files-store" "eventsStore" "events-store" -}}
{{- $_ := set $secrets $name (dict "name" (printf "%s-tryout" (include "gatehouse.fullname" $)) "key" $key) -}}
{{- end -}}
{{- end -}}
{{- toYaml $secrets -}}
{{- end -}}

{{/* The configuration file. The chart's own settings win. */}}
{{- define "gatehouse.config" -}}
{{- $fullname := include "gatehouse.fullname" . -}}
{{- $own := dict
      "gateway" (dict "public_url" .Values.publicUrl "drain" (printf "%ds" (int .Values.drainSeconds)))
      "auth" (dict "urls" (list (printf "http://%s-auth:8081" $fullname)))
      "files" (dict "urls" (list (printf "http://%s-files:8082" $fullname))) -}}
{{- toYaml (mergeOverwrite (deepCopy .Values.config) $own) -}}
{{- end -}}

{{- define "gatehouse.image" -}}
{{- printf "%s:%s" .image.repository (default .root.Chart.AppVersion .image.tag) -}}
{{- end -}}

{{/* The restricted Pod Security Standard. (dict "user" 10001) */}}
{{- define "gatehouse.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .user }}
runAsGroup: {{ .user }}
fsGroup: {{ .user }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "gatehouse.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "gatehouse.ports" -}}
{{- range . }}
- {port: {{ . }}}
{{- end }}
{{- end -}}

{{/* The stores for trying out: their ports, and the secrets by which roles know them. */}}
{{- define "gatehouse.tryoutStores" -}}
mysql: {port: 3306, secret: authStore}
mongodb: {port: 27017, secret: filesStore}
rabbitmq: {port: 5672, secret: eventsStore}
{{- end -}}
