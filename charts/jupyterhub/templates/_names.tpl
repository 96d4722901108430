{{/* Names, once: scripts/sparkyard/names.py knows some of them, and a test ties them. */}}
{{- define "jupyter.hub" -}}jupyter-hub{{- end }}
{{- define "jupyter.proxy" -}}jupyter-proxy{{- end }}
{{- define "jupyter.api" -}}jupyter-proxy-api{{- end }}
{{- define "jupyter.passwords" -}}jupyter-passwords{{- end }}
{{- define "jupyter.role" -}}notebook{{- end }}
{{- define "jupyter.executor" -}}spark-executor{{- end }}

{{/* A person's account, before their name. */}}
{{- define "jupyter.accountPrefix" -}}system:serviceaccount:{{ .Values.namespace }}:notebook-{{- end }}

{{/* What runs in the notebooks' namespace is labelled as the chart's own. */}}
{{- define "jupyter.labels" -}}{{ include "sparkyard.labels" (list . "jupyterhub") }}{{- end }}

{{/* Labels by which the hub marks a server; no person's account may make a pod that has one. */}}
{{- define "jupyter.server" -}}{sparkyard.dev/notebook: "true"}{{- end }}

{{/* The shares that notebooks have: those whose namespaces hold the notebooks' one. */}}
{{- define "jupyter.shares" -}}
{{- $names := list -}}
{{- range include "sparkyard.shares" . | fromJsonArray -}}
  {{- if has $.Values.namespace .namespaces }}{{ $names = append $names .name }}{{ end -}}
{{- end -}}
{{- toJson $names -}}
{{- end }}

{{/* What the hub has to know (scripts/sparkyard/hub/values.py). */}}
{{- define "jupyter.values" -}}
{{- $home := dict "size" .Values.home.size "storageClass" .Values.global.storageClass "accessModes" .Values.home.accessModes -}}
{{- dict
  "image" (include "sparkyard.image" (list . "notebook"))
  "releaseNamespace" .Release.Namespace
  "namespace" .Values.namespace
  "users" .Values.users
  "profiles" .Values.profiles
  "defaultProfile" .Values.defaultProfile
  "home" $home
  "idle" .Values.idle
  "lake" .Values.lake
  "connections" .Values.connections
  "shares" (include "jupyter.shares" . | fromJsonArray)
  "authenticator" .Values.login.authenticator
  "config" .Values.login.config
  "database" (not (empty .Values.database.secret)) | toPrettyJson -}}
{{- end }}
