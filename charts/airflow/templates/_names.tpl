{{/* Names, once. */}}
{{- define "airflow.apiServer" -}}airflow-api-server{{- end }}
{{- define "airflow.scheduler" -}}airflow-scheduler{{- end }}
{{- define "airflow.dagProcessor" -}}airflow-dag-processor{{- end }}
{{- define "airflow.triggerer" -}}airflow-triggerer{{- end }}
{{- define "airflow.migrate" -}}airflow-migrate{{- end }}
{{- define "airflow.task" -}}airflow-task{{- end }}
{{- define "airflow.account" -}}airflow{{- end }}
{{- define "airflow.pods" -}}airflow-pods{{- end }}
{{- define "airflow.secret" -}}{{ .Values.login.existingSecret | default "airflow" }}{{- end }}

{{/* Whether the database is the lake's: "true" or nothing. */}}
{{- define "airflow.usesLake" -}}{{ if not .Values.database.host }}true{{ end }}{{- end }}
{{- define "airflow.usesLakeTls" -}}{{ if and (include "airflow.usesLake" .) .Values.global.lake.tlsSecret }}true{{ end }}{{- end }}
{{- define "airflow.databaseHost" -}}{{ .Values.database.host | default (printf "lake-postgresql.%s.svc" .Release.Namespace) }}{{- end }}
{{- define "airflow.sslMode" -}}{{ .Values.database.sslMode | default (ternary "verify-full" "prefer" (not (empty (include "airflow.usesLakeTls" .)))) }}{{- end }}

{{/* Called with (list $ "airflow-scheduler"). */}}
{{- define "airflow.meta" -}}
{{- $ := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ $.Release.Namespace }}
labels: {{- include "sparkyard.labels" . | nindent 2 }}
{{- end }}

{{/* A generated value: what the Secret holds already, else the new one. Called with (list <data of the Secret> "key" <new, base64>). */}}
{{- define "airflow.generated" -}}
{{- index (index . 0) (index . 1) | default (index . 2) -}}
{{- end }}
