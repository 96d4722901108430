{{/* Names, once: the command line knows the Service by name. */}}
{{- define "history.name" -}}spark-history{{- end }}
{{- define "history.labels" -}}{{ include "sparkyard.labels" (list . (include "history.name" .)) }}{{- end }}
{{- define "history.selector" -}}{{ include "sparkyard.selectorLabels" (list . (include "history.name" .)) }}{{- end }}

{{/* The server's properties; storage as jobs have it. */}}
{{- define "history.conf" -}}
{{- $conf := dict
  "spark.history.ui.port" 18080
  "spark.history.fs.logDirectory" .Values.logDirectory
  "spark.history.fs.update.interval" .Values.updateInterval
  "spark.history.fs.cleaner.enabled" .Values.cleaner.enabled
  "spark.history.fs.cleaner.interval" .Values.cleaner.interval
  "spark.history.fs.cleaner.maxAge" .Values.cleaner.maxAge
  "spark.history.fs.cleaner.maxNum" (int .Values.cleaner.maxNum)
  "spark.history.retainedApplications" (int .Values.retainedApplications)
  "spark.hadoop.fs.s3a.endpoint" (include "sparkyard.s3Endpoint" .)
  "spark.hadoop.fs.s3a.endpoint.region" .Values.global.s3.region
  "spark.hadoop.fs.s3a.path.style.access" .Values.s3.pathStyle
  "spark.hadoop.fs.s3a.aws.credentials.provider" .Values.s3.credentialsProvider
  "spark.hadoop.fs.s3a.change.detection.version.required" false
  "spark.hadoop.fs.s3a.attempts.maximum" 1
  "spark.hadoop.fs.s3a.retry.limit" 6
  "spark.hadoop.fs.s3a.retry.interval" "700ms"
  "spark.hadoop.fs.s3a.connection.establish.timeout" "15s" -}}
{{- range $key, $value := merge (deepCopy .Values.sparkConf) $conf }}
{{ $key }} {{ $value }}
{{- end }}
{{- end }}
