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
  {{- if not $.Values.logs.claim }}
  volumeClaimTemplates:
    - metadata:
        name: logs
        labels: {{- include "sparkyard.selectorLabels" (list $ $name) | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $.Values.global.storageClass }}
        storageClassName: {{ . }}
        {{- end }}
        resources: {requests: {storage: {{ $.Values.logs.size }}}}
  {{- end }}
{{- end }}
