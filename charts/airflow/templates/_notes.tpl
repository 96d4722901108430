{{/* What to do next; charts/sparkyard says it too. */}}
{{- define "airflow.notes" -}}
{{- if .Values.rightsOnly -}}
An Airflow of your own may run jobs in {{ join ", " .Values.global.jobs.namespaces }} as the account {{ include "airflow.account" . }}; outside the cluster by a token of it:

  kubectl create token -n {{ .Release.Namespace }} {{ include "airflow.account" . }} --duration=24h
{{- else -}}
Airflow submits applications in {{ join ", " .Values.global.jobs.namespaces }} on schedule.
Next:      sparkyard open airflow
Passwords: kubectl get secret {{ include "airflow.secret" . }} -n {{ .Release.Namespace }} -o jsonpath='{.data.passwords\.json}' | base64 -d
Init?      the database is not migrated yet: kubectl logs -n {{ .Release.Namespace }} -l app.kubernetes.io/name={{ include "airflow.migrate" . }} --all-containers
{{- end }}
{{- end }}
