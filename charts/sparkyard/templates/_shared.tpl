{{/* Shared by all charts: edited in charts/sparkyard/templates/_shared.tpl, copied by scripts/charts/sync.py.
     Where a template takes a component it is called with (list $ "component"). */}}

{{/* Labels that select; never a version, since selectors cannot change. */}}
{{- define "sparkyard.selectorLabels" -}}
{{- $ := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ $.Release.Name }}
app.kubernetes.io/part-of: sparkyard
{{- end }}

{{- define "sparkyard.labels" -}}
{{- $ := index . 0 -}}
{{ include "sparkyard.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ $.Release.Service }}
app.kubernetes.io/version: {{ $.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" $.Chart.Name $.Chart.Version }}
{{- end }}

{{/* (list $ "sparkOperator"): the image, or a word about what is missing. */}}
{{- define "sparkyard.image" -}}
{{- $ := index . 0 -}}
{{- $key := index . 1 -}}
{{- required (printf "global.images.%s is empty: give its reference; `sparkyard install` takes it from build/images.json" $key) (index $.Values.global.images $key) -}}
{{- end }}

{{/* The store: the site's, or the one that charts/lake brings. */}}
{{- define "sparkyard.s3Endpoint" -}}
{{ .Values.global.s3.endpoint | default (printf "%s://lake-s3.%s.svc:7070" (ternary "https" "http" (not (empty .Values.global.lake.tlsSecret))) .Release.Namespace) }}
{{- end }}

{{/* The shares with all that they leave open, and where jobs find them, as JSON. A share's files are in /shares/NAME/files with every backend. */}}
{{- define "sparkyard.shares" -}}
{{- $shares := list -}}
{{- range .Values.global.shares -}}
  {{- $open := dict "backend" $.Values.global.shareBackend "access" "ro" "port" 445 "subPath" "" "namespaces" $.Values.global.jobs.namespaces "mountOptions" list -}}
  {{- $share := merge (deepCopy .) $open -}}
  {{- range $key := ternary (list "path") (list "server" "share" "secret") (eq $share.backend "hostPath") -}}
    {{- $_ := required (printf "global.shares: %s has no %s, which its backend %s needs" $share.name $key $share.backend) (get $share $key) -}}
  {{- end -}}
  {{- if and $share.kerberos (ne $share.backend "csi") }}{{ fail (printf "global.shares: %s has kerberos, which only the backend csi knows" $share.name) }}{{ end -}}
  {{- $shares = append $shares (set $share "mountPath" (printf "/shares/%s%s" $share.name (ternary "/files" "" (eq $share.backend "csi")))) -}}
{{- end -}}
{{- toJson $shares -}}
{{- end }}

{{/* What every platform pod says: restricted, pull secrets, placement. */}}
{{- define "sparkyard.podSpec" -}}
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  seccompProfile: {type: RuntimeDefault}
  {{- with .Values.global.fsGroup }}
  fsGroup: {{ . }}
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
{{- with .Values.global.imagePullSecrets }}
imagePullSecrets: {{ range . }}{{ nindent 2 (printf "- name: %s" .) }}{{ end }}
{{- end }}
{{- with .Values.global.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.global.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "sparkyard.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Replicas on different nodes where there are several. */}}
{{- define "sparkyard.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "sparkyard.selectorLabels" . | nindent 8 }}
{{- end }}

{{/* NetworkPolicy rules: to the cluster's DNS. */}}
{{- define "sparkyard.egressDns" -}}
{{- $dns := .Values.global.networkPolicies.dns -}}
- to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ $dns.namespace }}}}
      podSelector: {matchLabels: {{ $dns.podLabels | default (dict "k8s-app" "kube-dns") | toJson }}}
    {{- range $dns.cidrs }}
    - ipBlock: {cidr: {{ . }}}
    {{- end }}
  ports: {{- range $dns.ports }}{{ nindent 4 (printf "- {protocol: UDP, port: %v}" .) }}{{ nindent 4 (printf "- {protocol: TCP, port: %v}" .) }}{{ end }}
{{- end }}

{{/* NetworkPolicy rules: to the API server, by the addresses given, else by those found, else anywhere on its ports. */}}
{{- define "sparkyard.egressApiServer" -}}
{{- $cidrs := .Values.global.apiServer.cidrs -}}
{{- $ports := list -}}
{{- range .Values.global.apiServer.ports }}{{ $ports = append $ports (toString .) }}{{ end -}}
{{- if not $cidrs -}}
  {{- $slice := lookup "discovery.k8s.io/v1" "EndpointSlice" "default" "kubernetes" -}}
  {{- range $slice.endpoints }}{{ range .addresses }}{{ $cidrs = append $cidrs (printf "%s/%s" . (ternary "128" "32" (contains ":" .))) }}{{ end }}{{ end -}}
  {{- range $slice.ports }}{{ $ports = append $ports (toString .port) }}{{ end -}}
  {{- with (lookup "v1" "Service" "default" "kubernetes").spec }}
    {{- $cidrs = append $cidrs (printf "%s/%s" .clusterIP (ternary "128" "32" (contains ":" .clusterIP))) }}
  {{- end -}}
{{- end -}}
- to: {{- range $cidrs | default (list "0.0.0.0/0" "::/0") | uniq }}{{ nindent 4 (printf "- ipBlock: {cidr: %q}" .) }}{{ end }}
  ports: {{- range $ports | uniq }}{{ nindent 4 (printf "- {protocol: TCP, port: %s}" .) }}{{ end }}
{{- end }}

{{/* NetworkPolicy peers: the namespaces that scrape metrics. */}}
{{- define "sparkyard.scrapers" -}}
{{- range .Values.global.networkPolicies.scrapeFrom }}
- namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: {{ . }}}}
{{- end }}
{{- end }}

{{/* What NetworkPolicies cannot say to Cilium: a component talks to the API server, which may call it. */}}
{{- define "sparkyard.ciliumApiServer" -}}
{{- $ := index . 0 -}}
---
apiVersion: cilium.io/v2
kind: CiliumNetworkPolicy
metadata:
  name: {{ index . 1 }}-api-server
  namespace: {{ $.Release.Namespace }}
  labels: {{- include "sparkyard.labels" . | nindent 4 }}
spec:
  endpointSelector:
    matchLabels: {{- include "sparkyard.selectorLabels" . | nindent 6 }}
  egress:
    - toEntities: [kube-apiserver]
  ingress:
    - fromEntities: [kube-apiserver, remote-node]
{{- end }}

{{/* A container that goes before others and makes a database on the lake's server.
     Called with (list $ <the environment of who uses it: libpq's variables>), beside a volume `ca` where the lake has TLS. */}}
{{- define "sparkyard.makeDatabase" -}}
{{- $ := index . 0 -}}
- name: database
  image: {{ include "sparkyard.image" (list $ "postgres") }}
  imagePullPolicy: {{ $.Values.global.imagePullPolicy }}
  args: [bash, -c, {{ include "sparkyard.makeDatabaseScript" . | toJson }}]
  env: {{- index . 1 | nindent 4 }}
    - name: POSTGRES_PASSWORD
      valueFrom: {secretKeyRef: {name: {{ $.Values.global.lake.postgresqlSecret | default "lake-postgresql" }}, key: postgres}}
  resources: {requests: {cpu: 10m, memory: 32Mi}, limits: {cpu: 500m, memory: 128Mi}}
  securityContext: {{- include "sparkyard.containerSecurity" . | nindent 4 }}
  {{- if $.Values.global.lake.tlsSecret }}
  volumeMounts: [{name: ca, mountPath: /etc/sparkyard/database, readOnly: true}]
  {{- end }}
{{- end }}

{{- define "sparkyard.makeDatabaseScript" -}}
# A database and its user on the lake's server, made once; the password follows the Secret.
set -euo pipefail
export APP_USER="$PGUSER" APP_DATABASE="$PGDATABASE" APP_PASSWORD="$PGPASSWORD"
export PGUSER=postgres PGDATABASE=postgres PGPASSWORD="$POSTGRES_PASSWORD"
until pg_isready -q; do sleep 1; done
exec psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 <<'SQL'
\getenv user APP_USER
\getenv database APP_DATABASE
\getenv password APP_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', :'user') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'user') \gexec
ALTER ROLE :"user" PASSWORD :'password';
SELECT format('CREATE DATABASE %I OWNER %I', :'database', :'user') WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE CONNECT ON DATABASE :"database" FROM PUBLIC;
SQL
{{ end }}

{{/* matchCondition of a webhook for applications: they are made, or asked for something else than to stop, to go on or to be kept so long. */}}
{{- define "sparkyard.specIsNew" -}}
request.operation == 'CREATE' || (object.spec != oldObject.spec && (
object.spec.exists(key, !(key in ['suspend', 'timeToLiveSeconds']) && !(key in oldObject.spec && object.spec[key] == oldObject.spec[key]))
|| oldObject.spec.exists(key, !(key in ['suspend', 'timeToLiveSeconds']) && !(key in object.spec))))
{{- end }}
