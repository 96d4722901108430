{{/* Names, once: scripts/sparkyard/names.py knows the same ones, and a test ties them. */}}
{{- define "jobs.driver" -}}spark-driver{{- end }}
{{- define "jobs.executor" -}}spark-executor{{- end }}
{{- define "jobs.submit" -}}spark-submit{{- end }}
{{- define "jobs.priorityClass" -}}sparkyard-driver{{- end }}
{{- define "jobs.s3Secret" -}}lake-s3-jobs{{- end }}
{{- define "jobs.catalogSecret" -}}lake-catalog-jobs{{- end }}
{{- define "jobs.rpcSecret" -}}spark-rpc{{- end }}

{{- define "jobs.labels" -}}{{ include "sparkyard.labels" (list . "jobs") }}{{- end }}

{{/* Prefixes of images that job pods may use: any build of the Spark image's repository, and what the site allows. */}}
{{- define "jobs.imagePrefixes" -}}
{{- $prefixes := .Values.global.jobs.allowed.images -}}
{{- with .Values.global.images.spark -}}
  {{- $repository := regexReplaceAll ":[^:/]+$" (regexReplaceAll "@.*$" . "") "" -}}
  {{- $prefixes = concat (list (print $repository ":") (print $repository "@")) $prefixes -}}
{{- end -}}
{{- required "global.images.spark and global.jobs.allowed.images are both empty: no job could run" (ternary (toJson $prefixes) "" (gt (len $prefixes) 0)) -}}
{{- end }}

{{/* A cluster's default priority class is written into every pod that names none. */}}
{{- define "jobs.priorityClasses" -}}
{{- $names := prepend .Values.global.jobs.allowed.priorityClasses (include "jobs.priorityClass" .) -}}
{{- range (lookup "scheduling.k8s.io/v1" "PriorityClass" "" "").items -}}
  {{- if .globalDefault }}{{ $names = append $names .metadata.name }}{{ end -}}
{{- end -}}
{{- toJson $names -}}
{{- end }}
