{{/* What to do next; charts/sparkyard says it too. */}}
{{- define "jupyter.notes" -}}
Notebooks run in namespace {{ .Values.global.notebooks.namespace }}.
Next:     sparkyard open jupyter
{{- if not .Values.login.authenticator }}
Password: kubectl get secret {{ include "jupyter.passwords" . }} -n {{ .Release.Namespace }} -o jsonpath='{.data.{{ first .Values.users.names }}}' | base64 -d
{{- end }}
Pending?  kubectl -n {{ .Values.global.notebooks.namespace }} describe pods,resourcequotas; kubectl -n {{ .Release.Namespace }} logs deployment/{{ include "jupyter.hub" . }}
{{- end }}
