{{/* TLS, where global.lake.tlsSecret names a certificate. */}}
{{- define "lake.tlsMount" -}}
{{- if .Values.global.lake.tlsSecret -}}
- {name: tls, mountPath: /run/secrets/tls, readOnly: true}
{{- end }}
{{- end }}

{{/* Called with (list $ "key" …): what of the Secret is seen. PostgreSQL takes no key that others may read. */}}
{{- define "lake.tlsVolume" -}}
{{- $ := first . -}}
{{- if $.Values.global.lake.tlsSecret -}}
- name: tls
  secret:
    secretName: {{ $.Values.global.lake.tlsSecret }}
    defaultMode: 0440
    items: {{- range rest . }}{{ nindent 6 (printf "- {key: %s, path: %s}" . .) }}{{ end }}
{{- end }}
{{- end }}

{{/* The authority by which jobs know the database. */}}
{{- define "lake.authority" -}}
{{- (lookup "v1" "Secret" .Release.Namespace .Values.global.lake.tlsSecret).data | default dict | dig "ca.crt" "" | b64dec -}}
{{- end }}

{{/* How the platform's own pods reach the database, as postgres. */}}
{{- define "lake.postgresqlEnv" -}}
- {name: PGHOST, value: {{ include "lake.postgresql" . }}.{{ .Release.Namespace }}.svc}
- {name: PGUSER, value: postgres}
- name: PGPASSWORD
  valueFrom: {secretKeyRef: {name: {{ include "lake.postgresqlSecret" . }}, key: postgres}}
{{- if .Values.global.lake.tlsSecret }}
- {name: PGSSLMODE, value: verify-full}
- {name: PGSSLROOTCERT, value: /run/secrets/tls/ca.crt}
{{- end }}
{{- end }}
