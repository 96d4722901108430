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
{{/* Whether logs go to the lake's store: "true" or nothing. */}}
{{- define "airflow.logsInLake" -}}{{ if and .Values.logs.s3.folder (not .Values.global.s3.endpoint) }}true{{ end }}{{- end }}
{{- define "airflow.databaseHost" -}}{{ .Values.database.host | default (printf "lake-postgresql.%s.svc" .Release.Namespace) }}{{- end }}
{{- define "airflow.sslMode" -}}{{ .Values.database.sslMode | default (ternary "verify-full" "prefer" (not (empty (include "airflow.usesLakeTls" .)))) }}{{- end }}

{{/* Where pods of tasks run: a namespace, or nothing where there are none. Who makes pods there may mount what is in it, so nothing of others is. */}}
{{- define "airflow.taskNamespace" -}}
{{- if and (eq .Values.executor "KubernetesExecutor") (not .Values.rightsOnly) -}}
  {{- $namespace := required "taskNamespace is empty: executor KubernetesExecutor needs a namespace of its own for the pods of tasks, such as airflow-tasks" .Values.taskNamespace -}}
  {{- if has $namespace (concat (list .Release.Namespace .Values.podTasks.namespace) .Values.global.jobs.namespaces) -}}
    {{- fail (printf "taskNamespace is %s, which is the platform's, of jobs or of podTasks: every task could read the Secrets there. Name one of its own" $namespace) -}}
  {{- end -}}
  {{- $namespace -}}
{{- end -}}
{{- end }}

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
