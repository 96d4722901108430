{{/* Names, once. They are fixed: a cluster has one operator a job namespace. */}}
{{- define "spark-operator.controller" -}}spark-operator-controller{{- end }}
{{- define "spark-operator.webhook" -}}spark-operator-webhook{{- end }}
{{- define "spark-operator.certs" -}}spark-operator-webhook-certs{{- end }}
{{- define "spark-operator.namespaces" -}}{{ join "," .Values.global.jobs.namespaces }}{{- end }}

{{/* Where the controller looks: besides jobs, where Spark Connect servers are. */}}
{{- define "spark-operator.controllerNamespaces" -}}
{{- $teams := and .Values.global.notebooks.enabled .Values.global.notebooks.teams -}}
{{- $notebooks := ternary (list .Values.global.notebooks.namespace) list (not (empty $teams)) -}}
{{- concat .Values.global.jobs.namespaces $notebooks .Values.connectNamespaces | uniq | toJson -}}
{{- end }}

{{/* Flags of both programs. */}}
{{- define "spark-operator.flags" -}}
- --zap-log-level={{ .Values.logLevel }}
- --zap-encoder=json
- --enable-metrics=true
- --metrics-bind-address=:8080
- --metrics-endpoint=/metrics
- --leader-election=true
- --leader-election-lock-namespace={{ .Release.Namespace }}
{{- end }}

{{/* The leader's lock. Called with (list $ "name"). */}}
{{- define "spark-operator.leaseRules" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [{{ index . 1 }}]
  verbs: [get, update]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* A Role and its binding. Called with (dict "root" $ "name" … "namespace" … "rules" …). */}}
{{- define "spark-operator.role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "sparkyard.labels" (list .root .name) | nindent 4 }}
rules: {{- .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels: {{- include "sparkyard.labels" (list .root .name) | nindent 4 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ .name }}}
subjects:
  - {kind: ServiceAccount, name: {{ .name }}, namespace: {{ .root.Release.Namespace }}}
{{- end }}
