{{/* Names, once: jobs and the command line know these Services and Secrets by name. */}}
{{- define "lake.s3" -}}lake-s3{{- end }}
{{- define "lake.postgresql" -}}lake-postgresql{{- end }}
{{- define "lake.catalog" -}}lake-catalog{{- end }}
{{- define "lake.backup" -}}lake-backup{{- end }}

{{/* Who uses the lake, and in which namespaces Secrets lake-s3-<use> and lake-catalog-<use> hold its key and its database role. */}}
{{- define "lake.uses" -}}
jobs: {{ toJson .Values.global.jobs.namespaces }}
ingest: {{ toJson .Values.global.jobs.namespaces }}
read: {{ include "lake.readers" . }}
{{- end }}

{{/* Namespaces that only read: the notebooks' and those that the site adds, as JSON. */}}
{{- define "lake.readers" -}}
{{- $notebooks := ternary (list .Values.global.notebooks.namespace) list .Values.global.notebooks.enabled -}}
{{- concat $notebooks .Values.clientNamespaces | uniq | toJson -}}
{{- end }}

{{/* Whether the chart brings the store: "true" or nothing. */}}
{{- define "lake.bringsS3" -}}{{ if and .Values.s3.enabled (not .Values.global.s3.endpoint) }}true{{ end }}{{- end }}

{{- define "lake.s3Secret" -}}{{ .Values.s3.existingSecret | default (include "lake.s3" .) }}{{- end }}
{{- define "lake.postgresqlSecret" -}}{{ .Values.global.lake.postgresqlSecret | default (include "lake.postgresql" .) }}{{- end }}

{{/* A generated value: what the Secret holds already, else a new one. Called with (list <data of the Secret> "key" length). */}}
{{- define "lake.generated" -}}
{{- index (index . 0) (index . 1) | default (randAlphaNum (index . 2) | b64enc) -}}
{{- end }}

{{/* Called with (list $ "name" <values>). */}}
{{- define "lake.claim" -}}
{{- $ := index . 0 -}}
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ index . 1 }}
  namespace: {{ $.Release.Namespace }}
  labels: {{- include "sparkyard.labels" (list $ (index . 1)) | nindent 4 }}
  annotations: {helm.sh/resource-policy: keep}
spec:
  accessModes: [ReadWriteOnce]
  {{- with $.Values.global.storageClass }}
  storageClassName: {{ . }}
  {{- end }}
  resources: {requests: {storage: {{ (index . 2).size }}}}
{{- end }}
