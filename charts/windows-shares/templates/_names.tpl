{{/* Names, once. */}}
{{- define "shares.agent" -}}share-agent{{- end }}
{{- define "shares.labels" -}}{{ include "sparkyard.labels" (list . (include "shares.agent" .)) }}{{- end }}
{{- define "shares.selector" -}}{{ include "sparkyard.selectorLabels" (list . (include "shares.agent" .)) }}{{- end }}

{{/* Those that the agent mounts, as JSON. */}}
{{- define "shares.mounted" -}}
{{- $found := list -}}
{{- range include "sparkyard.shares" . | fromJsonArray }}{{ if eq .backend "agent" }}{{ $found = append $found . }}{{ end }}{{ end -}}
{{- toJson $found -}}
{{- end }}

{{/* What the agent reads; it follows changes without a new pod. */}}
{{- define "shares.config" -}}
{{- $shares := list -}}
{{- range include "shares.mounted" . | fromJsonArray -}}
  {{- $shares = append $shares (dict "name" .name "server" .server "port" (int .port) "share" .share "subPath" .subPath "access" .access "secret" .secret) -}}
{{- end -}}
{{- $agent := .Values.agent -}}
{{- $common := dict "root" $agent.root "cacheSeconds" (int $agent.cacheSeconds) "namespace" .Values.namespace "uid" (int .Values.global.runAsUser) "gid" 0 -}}
{{- toPrettyJson (set $common "shares" $shares) -}}
{{- end }}

{{/* The Secrets of the agent's shares, each once, as JSON. */}}
{{- define "shares.secrets" -}}
{{- $names := list -}}
{{- range include "shares.mounted" . | fromJsonArray }}{{ $names = append $names .secret }}{{ end -}}
{{- toJson ($names | uniq | sortAlpha) -}}
{{- end }}
