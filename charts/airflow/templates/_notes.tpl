{{/* What to do next; charts/sparkyard says it too. */}}
{{- define "airflow.notes" -}}
{{- if .Values.rightsOnly -}}
An Airflow of your own may run jobs in {{ join ", " .Values.global.jobs.namespaces }} as the account {{ include "airflow.account" . }}; outside the cluster by a token of it:

  kubectl create token -n {{ .Release.Namespace }} {{ include "airflow.account" . }} --duration=24h
{{- else -}}
Airflow's interface:

  kubectl port-forward -n {{ .Release.Namespace }} service/{{ include "airflow.apiServer" . }} 8080
  kubectl get secret -n {{ .Release.Namespace }} {{ include "airflow.secret" . }} -o jsonpath='{.data.passwords\.json}' | base64 -d

If a pod stays in Init, the database is not migrated yet: kubectl logs -n {{ .Release.Namespace }} -l app.kubernetes.io/name={{ include "airflow.migrate" . }} --all-containers
{{- end }}
{{- end }}
