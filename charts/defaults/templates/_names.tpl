{{/* Names, once. They are fixed: an application is given defaults once. */}}
{{- define "defaults.name" -}}sparkyard-defaults{{- end }}
{{- define "defaults.certs" -}}{{ include "defaults.name" . }}-tls{{- end }}
{{- define "defaults.revisions" -}}{{ include "defaults.name" . }}-revisions{{- end }}
{{- define "defaults.labels" -}}{{ include "sparkyard.labels" (list . (include "defaults.name" .)) }}{{- end }}
{{- define "defaults.selector" -}}{{ include "sparkyard.selectorLabels" (list . (include "defaults.name" .)) }}{{- end }}
