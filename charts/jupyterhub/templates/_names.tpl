{{/* Names, once: scripts/sparkyard/names.py knows some of them, and a test ties them. */}}
{{- define "jupyter.hub" -}}jupyter-hub{{- end }}
{{- define "jupyter.proxy" -}}jupyter-proxy{{- end }}
{{- define "jupyter.api" -}}jupyter-proxy-api{{- end }}
{{- define "jupyter.secret" -}}{{ .Values.hub.existingSecret | default (include "jupyter.hub" .) }}{{- end }}
{{- define "jupyter.passwords" -}}{{ .Values.login.existingSecret | default "jupyter-passwords" }}{{- end }}
{{- define "jupyter.connect" -}}jupyter-connect{{- end }}
{{- define "jupyter.role" -}}notebook{{- end }}
{{- define "jupyter.executor" -}}spark-executor{{- end }}

{{/* Whether the hub's database is a server's, and whether that is the lake's: "true" or nothing. */}}
{{- define "jupyter.usesServer" -}}{{ if or .Values.database.lake .Values.database.secret }}true{{ end }}{{- end }}
{{- define "jupyter.usesLake" -}}
{{- if and .Values.database.lake .Values.database.secret }}{{ fail "database.lake and database.secret: the hub has one database, leave one of them out" }}{{ end -}}
{{- if .Values.database.lake }}true{{ end -}}
{{- end }}
{{- define "jupyter.usesLakeTls" -}}{{ if and .Values.database.lake .Values.global.lake.tlsSecret }}true{{ end }}{{- end }}

{{/* Where the hub's database is, in libpq's own variables. */}}
{{- define "jupyter.databaseEnv" -}}
{{- $env := dict "PGHOST" (printf "lake-postgresql.%s.svc" .Release.Namespace) "PGUSER" "jupyterhub" "PGDATABASE" "jupyterhub" -}}
{{- if include "jupyter.usesLakeTls" . }}{{ $env = merge $env (dict "PGSSLMODE" "verify-full" "PGSSLROOTCERT" "/etc/sparkyard/database/ca.crt") }}{{ end -}}
{{- range $name, $value := $env }}
- {name: {{ $name }}, value: {{ $value }}}
{{- end }}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "jupyter.secret" . }}, key: database}}
{{- end }}

{{/* How the hub reaches an identity provider outside. All inside speak http, but for the API server. */}}
{{- define "jupyter.outsideEnv" -}}
{{- $env := dict -}}
{{- with .Values.global.proxy -}}
  {{- if .https }}{{ $env = dict "https_proxy" .https "no_proxy" (list .noProxy ".svc" "$(KUBERNETES_SERVICE_HOST)" | compact | join ",") }}{{ end -}}
{{- end -}}
{{- if .Values.global.trustedCa.configMap }}{{ $_ := set $env "SSL_CERT_FILE" "/etc/sparkyard/ca/ca.crt" }}{{ end -}}
{{- range $name, $value := $env }}
- {name: {{ $name }}, value: {{ quote $value }}}
{{- end }}
{{- end }}

{{/* A person's account, before their name. */}}
{{- define "jupyter.accountPrefix" -}}system:serviceaccount:{{ .Values.global.notebooks.namespace }}:notebook-{{- end }}

{{/* What runs in the notebooks' namespace is labelled as the chart's own. */}}
{{- define "jupyter.labels" -}}{{ include "sparkyard.labels" (list . "jupyterhub") }}{{- end }}

{{/* Labels by which the hub marks a server; no person's account may make a pod that has one. */}}
{{- define "jupyter.server" -}}{sparkyard.dev/notebook: "true"}{{- end }}

{{/* By what the operator marks a Connect server; no person's account may make a pod that has it. */}}
{{- define "jupyter.connectServer" -}}{spark-role: connect-server}{{- end }}

{{- define "jupyter.connectTls" -}}{{ .Values.connect.tlsSecret | default (print (include "jupyter.connect" .) "-tls") }}{{- end }}

{{/* What the hub has to know of Spark Connect: nothing where no team has a server. */}}
{{- define "jupyter.connectHub" -}}
{{- $address := ternary (printf "%s.%s.svc:15002" (include "jupyter.connect" .) .Release.Namespace) "" (not (empty .Values.global.notebooks.teams)) -}}
{{- dict "address" $address "teams" .Values.global.notebooks.teams | toJson -}}
{{- end }}

{{/* What the door in front of the servers has to know (scripts/sparkyard/hub/connect.py). */}}
{{- define "jupyter.connectDoor" -}}
{{- $servers := dict -}}
{{- range $team, $given := .Values.global.notebooks.teams -}}
  {{- $address := printf "connect-%s-server.%s.svc:15002" $team $.Values.global.notebooks.namespace -}}
  {{- $_ := set $servers $team (dict "users" ($given.users | default list) "groups" ($given.groups | default list) "address" $address) -}}
{{- end -}}
{{- $hub := printf "http://%s.%s.svc:8081/hub/api" (include "jupyter.hub" .) .Release.Namespace -}}
{{- dict "hub" $hub "sessionIdle" .Values.connect.sessionIdle "servers" $servers | toPrettyJson -}}
{{- end }}

{{/* The shares that notebooks have: those whose namespaces hold the notebooks' one. */}}
{{- define "jupyter.shares" -}}
{{- $names := list -}}
{{- range include "sparkyard.shares" . | fromJsonArray -}}
  {{- if has $.Values.global.notebooks.namespace .namespaces }}{{ $names = append $names .name }}{{ end -}}
{{- end -}}
{{- toJson $names -}}
{{- end }}

{{/* What one person may request, in Kubernetes' units. */}}
{{- define "jupyter.personQuota" -}}
{{- with .Values.quota.person -}}
{{- $cpu := printf "%dm" (mulf .cpu 1000 | int) -}}
{{- $memory := printf "%dMi" (mulf .memory 1024 | int) -}}
{{- dict "enabled" .enabled "cpu" $cpu "memory" $memory "pods" (.pods | int | toString) | toJson -}}
{{- end -}}
{{- end }}

{{/* What the hub has to know (scripts/sparkyard/hub/values.py). */}}
{{- define "jupyter.values" -}}
{{- $home := dict "size" .Values.home.size "storageClass" .Values.global.storageClass "accessModes" .Values.home.accessModes -}}
{{- dict
  "image" (include "sparkyard.image" (list . "notebook"))
  "releaseNamespace" .Release.Namespace
  "namespace" .Values.global.notebooks.namespace
  "users" .Values.users
  "profiles" .Values.profiles
  "defaultProfile" .Values.defaultProfile
  "home" $home
  "idle" .Values.idle
  "lake" .Values.lake
  "connect" (include "jupyter.connectHub" . | fromJson)
  "personQuota" (include "jupyter.personQuota" . | fromJson)
  "connections" .Values.connections
  "shares" (include "jupyter.shares" . | fromJsonArray)
  "authenticator" .Values.login.authenticator
  "config" .Values.login.config
  "database" (not (empty (include "jupyter.usesServer" .))) | toPrettyJson -}}
{{- end }}
