{{/* A pod of a process. Called with a dict: root, name, container (what is its own), resources, token (does it speak to the cluster),
     keepsLogs (its logs are a claim of its own), volumes (further ones). */}}
{{- define "airflow.pod" -}}
{{- $ := .root -}}
metadata:
  labels:
    {{- include "sparkyard.selectorLabels" (list $ .name) | nindent 4 }}
    sparkyard.dev/lake-client: "true"
  annotations:
    sparkyard.dev/settings: {{ include "airflow.env" $ | sha256sum }} # new settings, new pods
spec:
  {{- include "sparkyard.podSpec" $ | nindent 2 }}
  serviceAccountName: {{ include "airflow.account" $ }}
  automountServiceAccountToken: {{ .token }}
  terminationGracePeriodSeconds: 60
  initContainers:
    - name: wait
      {{- include "airflow.container" $ | nindent 6 }}
      args: [db, check-migrations, --migration-wait-timeout, "600"]
      resources: {requests: {cpu: 10m, memory: 128Mi}, limits: {cpu: "1", memory: 512Mi}}
  containers:
    - name: {{ .name | trimPrefix "airflow-" }}
      {{- include "airflow.container" $ | nindent 6 }}
      {{- with .mounts }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- toYaml .container | nindent 6 }}
      resources: {{- toYaml .resources | nindent 8 }}
  volumes:
    {{- include "airflow.volumes" $ | nindent 4 }}
    {{- if or .keepsLogs $.Values.logs.claim }}
    - {name: logs, persistentVolumeClaim: {claimName: {{ include "airflow.logsClaim" (list $ .name) }}}}
    {{- else }}
    - {name: logs, emptyDir: {sizeLimit: 1Gi}}
    {{- end }}
    {{- with .volumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end }}

{{- define "airflow.container" -}}
env: {{- include "airflow.env" . | nindent 2 }}
{{ include "airflow.taskContainer" . }}
  {{- if include "airflow.usesLakeTls" . }}
  - {name: ca, mountPath: /etc/sparkyard/database, readOnly: true}
  {{- end }}
{{- end }}

{{/* What a process and a task have in common; ends with its mounts. */}}
{{- define "airflow.taskContainer" -}}
image: {{ include "sparkyard.image" (list . "airflow") }}
imagePullPolicy: {{ .Values.global.imagePullPolicy }}
securityContext: {{- include "sparkyard.containerSecurity" . | nindent 2 }}
volumeMounts:
  - {name: home, mountPath: /opt/airflow}
  - {name: logs, mountPath: /opt/airflow/logs}
  - {name: tmp, mountPath: /tmp}
  {{- if .Values.dags.claim }}
  - {name: dags, mountPath: /opt/sparkyard/dags, readOnly: true}
  {{- end }}
  {{- if .Values.podTasks.namespace }}
  - {name: pods, mountPath: /etc/sparkyard/pods, readOnly: true}
  {{- end }}
  {{- if .Values.global.trustedCa.configMap }}
  - {name: site-ca, mountPath: /etc/sparkyard/ca, readOnly: true}
  {{- end }}
{{- end }}

{{- define "airflow.volumes" -}}
{{ include "airflow.taskVolumes" . }}
{{- if include "airflow.usesLakeTls" . }}
- {name: ca, secret: {secretName: {{ .Values.global.lake.tlsSecret }}, items: [{key: ca.crt, path: ca.crt}]}}
{{- end }}
{{- end }}

{{- define "airflow.taskVolumes" -}}
- {name: home, emptyDir: {sizeLimit: 256Mi}}
- {name: tmp, emptyDir: {sizeLimit: 1Gi}}
{{- with .Values.dags.claim }}
- {name: dags, persistentVolumeClaim: {claimName: {{ . }}, readOnly: true}}
{{- end }}
{{- if .Values.podTasks.namespace }}
- {name: pods, configMap: {name: {{ include "airflow.pods" . }}}}
{{- end }}
{{- with .Values.global.trustedCa.configMap }}
- {name: site-ca, configMap: {name: {{ . }}}}
{{- end }}
{{- end }}
