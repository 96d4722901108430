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
{{- if .Values.dags.bundles }}{{ $_ := set $env "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST" (toJson .Values.dags.bundles) }}{{ end -}}
{{- if .Values.historyUrl }}{{ $_ := set $env "SPARKYARD_HISTORY_URL" .Values.historyUrl }}{{ end -}}
{{- with .Values.global.proxy }}{{ range $key, $value := dict "HTTP_PROXY" .http "HTTPS_PROXY" .https "NO_PROXY" .noProxy }}{{ if $value }}{{ $_ := set $env $key $value }}{{ end }}{{ end }}{{ end -}}
{{- range $key, $value := merge (deepCopy .Values.env) $more $env }}
- {name: {{ $key }}, value: {{ toString $value | quote }}}
{{- end }}
{{- with .Values.noticeSecret }}
- name: AIRFLOW_CONN_SPARKYARD_NOTICE
  valueFrom: {secretKeyRef: {name: {{ . }}, key: connection}}
{{- end }}
{{- with .Values.rentalSecret }}
- name: SPARKYARD_RENTAL
  valueFrom: {secretKeyRef: {name: {{ . }}, key: rental.json}}
{{- end }}
{{- end }}
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
