{{/* What every process and every task is told, and no word of the database; called with (list $ <further ones>). */}}
{{- define "airflow.taskEnv" -}}
{{- $more := index . 1 -}}
{{- with index . 0 -}}
{{- $api := printf "http://%s.%s.svc:8080" (include "airflow.apiServer" .) .Release.Namespace -}}
{{- $env := dict
  "AIRFLOW__CORE__EXECUTOR" .Values.executor
  "AIRFLOW_CONN_KUBERNETES_DEFAULT" `{"conn_type": "kubernetes", "extra": {"in_cluster": true}}`
  "AIRFLOW__CORE__PARALLELISM" .Values.parallelism
  "AIRFLOW__CORE__EXECUTION_API_SERVER_URL" (printf "%s/execution/" $api)
  "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT" 120
  "AIRFLOW__LOGGING__BASE_LOG_FOLDER" "/opt/airflow/logs"
  "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT" 60
  "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED" "False" -}}
{{- with include "airflow.bundles" . | fromJsonArray }}{{ $_ := set $env "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST" (toJson .) }}{{ end -}}
{{- if .Values.logs.s3.folder }}{{ $env = include "airflow.logsInS3" . | fromJson | merge $env }}{{ end -}}
{{- if .Values.global.trustedCa.configMap }}{{ range list "SSL_CERT_FILE" "REQUESTS_CA_BUNDLE" "AWS_CA_BUNDLE" "GIT_SSL_CAINFO" }}{{ $_ := set $env . "/etc/sparkyard/ca/ca.crt" }}{{ end }}{{ end -}}
{{- if .Values.historyUrl }}{{ $_ := set $env "SPARKYARD_HISTORY_URL" .Values.historyUrl }}{{ end -}}
{{- with .Values.global.proxy }}{{ range $key, $value := dict "HTTP_PROXY" .http "HTTPS_PROXY" .https "NO_PROXY" .noProxy }}{{ if $value }}{{ $_ := set $env $key $value }}{{ end }}{{ end }}{{ end -}}
{{- range $key, $value := merge (deepCopy .Values.env) $more $env }}
- {name: {{ $key }}, value: {{ toString $value | quote }}}
{{- end }}
{{- $key := ternary .Values.logs.s3.secret "" (not (empty .Values.logs.s3.folder)) }}
{{- range list
  (list "AIRFLOW_CONN_SPARKYARD_DAGS" .Values.dags.git.secret "connection")
  (list "AIRFLOW_CONN_SPARKYARD_NOTICE" .Values.noticeSecret "connection")
  (list "SPARKYARD_RENTAL" .Values.rentalSecret "rental.json")
  (list "AWS_ACCESS_KEY_ID" $key "AWS_ACCESS_KEY_ID")
  (list "AWS_SECRET_ACCESS_KEY" $key "AWS_SECRET_ACCESS_KEY") }}
{{- if index . 1 }}
- name: {{ index . 0 }}
  valueFrom: {secretKeyRef: {name: {{ index . 1 }}, key: {{ index . 2 }}}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Where DAGs come from besides the image and a claim, as JSON; without login Airflow itself asks for nothing. */}}
{{- define "airflow.bundles" -}}
{{- $bundles := .Values.dags.bundles -}}
{{- with .Values.dags.git -}}
  {{- $kwargs := dict "repo_url" .url "tracking_ref" .ref "subdir" .folder "refresh_interval" .refresh -}}
  {{- if .secret }}{{ $_ := set $kwargs "git_conn_id" "sparkyard_dags" }}{{ end -}}
  {{- if .url }}{{ $bundles = prepend $bundles (dict "name" "git" "classpath" "airflow.providers.git.bundles.git.GitDagBundle" "kwargs" $kwargs) }}{{ end -}}
{{- end -}}
{{- toJson $bundles -}}
{{- end }}

{{/* Checksums that not every store knows are left out. */}}
{{- define "airflow.logsInS3" -}}
{{- $extra := dict "endpoint_url" (include "sparkyard.s3Endpoint" . | trim) "region_name" .Values.global.s3.region -}}
{{- dict
  "AIRFLOW__LOGGING__REMOTE_LOGGING" "True"
  "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER" .Values.logs.s3.folder
  "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID" "sparkyard_logs"
  "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS" "True"
  "AIRFLOW_CONN_SPARKYARD_LOGS" (dict "conn_type" "aws" "extra" $extra | toJson)
  "AWS_REQUEST_CHECKSUM_CALCULATION" "when_required"
  "AWS_RESPONSE_CHECKSUM_VALIDATION" "when_required" | toJson -}}
{{- end }}

{{/* The environment of Airflow's own processes; passwords come from the Secret, and the database's by libpq's own variables. */}}
{{- define "airflow.env" -}}
{{- $env := dict
  "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS" .Values.login.users
  "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE" "/opt/airflow/passwords.json"
  "AIRFLOW__API__WORKERS" 1
  "AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT" 180
  "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL" 120
  "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" "postgresql+psycopg:///"
  "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC" "postgresql+psycopg:///"
  "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK" "True"
  "AIRFLOW__TRIGGERER__ON_KILL_TIMEOUT" 120
  "PGHOST" (include "airflow.databaseHost" .)
  "PGPORT" .Values.database.port
  "PGDATABASE" .Values.database.name
  "PGUSER" .Values.database.user
  "PGSSLMODE" (include "airflow.sslMode" .) -}}
{{- if include "airflow.usesLakeTls" . }}{{ $_ := set $env "PGSSLROOTCERT" "/etc/sparkyard/database/ca.crt" }}{{ end -}}
{{- with include "airflow.taskNamespace" . -}}
  {{- $_ := set $env "AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE" . -}}
  {{- $_ := set $env "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE" "/etc/airflow/pod.yaml" -}}
{{- end -}}
{{- include "airflow.taskEnv" (list . $env) }}
{{- range $key, $name := dict "AIRFLOW__CORE__FERNET_KEY" "fernet-key" "AIRFLOW__API__SECRET_KEY" "api-key" "AIRFLOW__API_AUTH__JWT_SECRET" "jwt-key" "PGPASSWORD" "database" }}
- name: {{ $key }}
  valueFrom: {secretKeyRef: {name: {{ include "airflow.secret" $ }}, key: {{ $name }}}}
{{- end }}
{{- end }}
