{{/* A process whose logs stay when its pod is replaced, and are served under its own name. Called with (list $ "name" <port of logs> <pod>). */}}
{{- define "airflow.stateful" -}}
{{- $ := index . 0 -}}
{{- $name := index . 1 -}}
apiVersion: v1
kind: Service
metadata: {{- include "airflow.meta" (list $ $name) | nindent 2 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector: {{- include "sparkyard.selectorLabels" (list $ $name) | nindent 4 }}
  ports:
    - {name: logs, port: {{ index . 2 }}, targetPort: logs}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{- include "airflow.meta" (list $ $name) | nindent 2 }}
spec:
  replicas: 1
  serviceName: {{ $name }}
  revisionHistoryLimit: 3
  selector:
    matchLabels: {{- include "sparkyard.selectorLabels" (list $ $name) | nindent 6 }}
  template: {{- include "airflow.pod" (index . 3) | nindent 4 }}
{{- if eq (include "airflow.logsClaim" (list $ $name)) (printf "%s-logs" $name) }}
---
# Not a template of the StatefulSet, which nobody may change: an upgrade with another size would end half-way.
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  {{- include "airflow.meta" (list $ (printf "%s-logs" $name)) | nindent 2 }}
  annotations: {helm.sh/resource-policy: keep}
spec:
  accessModes: [ReadWriteOnce]
  {{- with $.Values.global.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ $.Values.logs.size }}}}
{{- end }}
{{- end }}

{{/* Where logs are kept: the site's claim, else that which an earlier version of this chart has made, else one of its own. Called with (list $ "name"). */}}
{{- define "airflow.logsClaim" -}}
{{- $ := index . 0 -}}
{{- $before := printf "logs-%s-0" (index . 1) -}}
{{- if $.Values.logs.claim -}}
{{ $.Values.logs.claim }}
{{- else if lookup "v1" "PersistentVolumeClaim" $.Release.Namespace $before -}}
{{ $before }}
{{- else -}}
{{ index . 1 }}-logs
{{- end -}}
{{- end }}
