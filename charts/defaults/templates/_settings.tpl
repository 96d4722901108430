{{/* What scripts/sparkyard/settings.py reads. */}}
{{- define "defaults.settings" -}}
{{- $global := .Values.global -}}
{{- $own := .Values.settings -}}
{{- $jobs := $global.jobs -}}
sparkVersion: {{ $own.sparkVersion | quote }}
namespaces: {{ toJson $jobs.namespaces }}
images:
  spark: {{ include "sparkyard.image" (list . "spark") | quote }}
  pullPolicy: {{ $global.imagePullPolicy }}
  pullSecrets: {{ toJson $global.imagePullSecrets }}
  allowed: {{ include "defaults.imagePrefixes" . }}
lake:
  s3:
    endpoint: {{ include "sparkyard.s3Endpoint" . | quote }}
    region: {{ $global.s3.region | quote }}
    {{- toYaml $own.s3 | nindent 4 }}
  catalog: {{- toYaml $own.catalog | nindent 4 }}
  eventLogDir: {{ $own.eventLogDir | quote }}
encryption: {{ toJson $own.encryption }}
driver: {serviceAccount: spark-driver, coreShare: {{ $own.driver.coreShare }}, priorityClass: {{ $own.driver.priorityClass | quote }}}
executor: {serviceAccount: spark-executor, coreShare: {{ $own.executor.coreShare }}}
memoryOverhead: {{ toJson $own.memoryOverhead }}
security:
  runAsUser: {{ $global.runAsUser | default "null" }}
  runAsGroup: {{ ternary 0 "null" (not (empty $global.runAsUser)) }}
  fsGroup: {{ $global.fsGroup | default "null" }}
  readOnlyRoot: {{ $own.readOnlyRoot }}
ttlSeconds: {{ int $own.ttlSeconds }}
maxExecutorFailures: {{ int $own.maxExecutorFailures }}
localDirSize: {{ $own.localDirSize | quote }}
trustedCa: {{ toJson $global.trustedCa }}
proxy: {{ toJson $global.proxy }}
nodeSelector: {{ toJson $global.nodeSelector }}
tolerations: {{ toJson $global.tolerations }}
shareClaims: {{ toJson $own.shareClaims }}
shares: {{ include "defaults.shares" . }}
connections: {{ toJson $jobs.connections }}
allowedSecrets: {{ toJson $jobs.allowed.secrets }}
allowedServiceAccounts: {{ toJson $jobs.allowed.serviceAccounts }}
allowedPriorityClasses: {{ toJson $jobs.allowed.priorityClasses }}
quota: {cpu: {{ $jobs.quota.cpu | quote }}, memory: {{ printf "%dMi" (mulf $jobs.quota.memory 1024 | int) }}}
sparkConf: {{ toJson $own.sparkConf }}
{{- end }}

{{/* Where pods find the platform's shares. */}}
{{- define "defaults.shares" -}}
{{- $shares := list -}}
{{- range include "sparkyard.shares" . | fromJsonArray -}}
  {{- $shares = append $shares (dict "name" .name "mountPath" .mountPath "readOnly" (eq .access "ro") "address" (empty .server | ternary .path (printf "//%s/%s" .server .share))) -}}
{{- end -}}
{{- toJson $shares -}}
{{- end }}

{{/* Any build of the Spark image's repository, and what the site allows: the same as the policies of charts/jobs. */}}
{{- define "defaults.imagePrefixes" -}}
{{- $repository := regexReplaceAll ":[^:/]+$" (regexReplaceAll "@.*$" (include "sparkyard.image" (list . "spark")) "") "" -}}
{{- toJson (concat (list (print $repository ":") (print $repository "@")) .Values.global.jobs.allowed.images) -}}
{{- end }}
