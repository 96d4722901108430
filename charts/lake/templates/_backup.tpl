{{/* The pod of a backup or a restore. Called with (list $ <steps>); all but the last are init containers, so that they keep their order. */}}
{{- define "lake.backupPod" -}}
{{- $ := index . 0 -}}
{{- $steps := index . 1 -}}
metadata:
  labels:
    {{- include "sparkyard.selectorLabels" (list $ (include "lake.backup" $)) | nindent 4 }}
    sparkyard.dev/lake-client: "true"
spec:
  {{- include "sparkyard.podSpec" $ | nindent 2 }}
  automountServiceAccountToken: false
  restartPolicy: Never
  {{- if include "lake.bringsS3" $ }}
  affinity: # the store's claim may be mounted on one node only
    podAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels: {{- include "sparkyard.selectorLabels" (list $ (include "lake.s3" $)) | nindent 14 }}
  {{- end }}
  initContainers:
    {{- range initial $steps }}
    {{- include "lake.backupStep" (list $ .) | nindent 4 }}
    {{- end }}
  containers:
    {{- include "lake.backupStep" (list $ (last $steps)) | nindent 4 }}
  volumes:
    - {name: script, configMap: {name: {{ include "lake.backup" $ }}}}
    - {name: backup, persistentVolumeClaim: {claimName: {{ $.Values.backup.existingClaim | default (include "lake.backup" $) }}}}
    {{- with include "lake.tlsVolume" (list $ "ca.crt") }}{{ nindent 4 . }}{{ end }}
    {{- if include "lake.bringsS3" $ }}
    - {name: data, persistentVolumeClaim: {claimName: {{ $.Values.s3.existingClaim | default (include "lake.s3" $) }}}}
    {{- end }}
{{- end }}

{{/* Called with (list $ "step"): files in the store's image, as the store's user; the catalog in the database's. */}}
{{- define "lake.backupStep" -}}
{{- $ := index . 0 -}}
{{- $files := and (hasPrefix "copy" (index . 1)) (include "lake.bringsS3" $) -}}
- name: {{ index . 1 }}
  image: {{ include "sparkyard.image" (list $ (ternary "versitygw" "postgres" (not (empty $files)))) }}
  imagePullPolicy: {{ $.Values.global.imagePullPolicy }}
  command: [bash, /etc/sparkyard/backup.sh, {{ index . 1 }}]
  env:
    - {name: KEEP, value: {{ $.Values.backup.keep | quote }}}
    - {name: BACKUP, value: ""}
    - {name: REPLACE, value: ""}
    {{- if not $files }}
    {{- include "lake.postgresqlEnv" $ | nindent 4 }}
    {{- end }}
  resources: {{- toYaml $.Values.backup.resources | nindent 4 }}
  securityContext: {{- include "sparkyard.containerSecurity" $ | nindent 4 }}
  volumeMounts:
    - {name: script, mountPath: /etc/sparkyard, readOnly: true}
    - {name: backup, mountPath: /backup}
    {{- with include "lake.tlsMount" $ }}{{ nindent 4 . }}{{ end }}
    {{- if $files }}
    - {name: data, mountPath: /data{{ if eq (index . 1) "copy" }}, readOnly: true{{ end }}}
    {{- end }}
{{- end }}
