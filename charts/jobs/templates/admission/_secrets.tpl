{{/* Whoever may create pods could else mount every Secret of the namespace. */}}
{{- define "jobs.admission.secrets" -}}
{{- $catalog := include "jobs.catalogSecret" . -}}
{{- $allowed := concat (list (include "jobs.s3Secret" .) $catalog (include "jobs.rpcSecret" .)) .Values.global.jobs.connections .Values.global.jobs.allowed.secrets -}}
{{- $driverOnly := prepend .Values.global.jobs.connections $catalog -}}
{{ include "jobs.admission.containers" . }}
- name: volumes
  expression: "has(object.spec.volumes) ? object.spec.volumes : []"
- name: mounted
  expression: variables.volumes.filter(v, has(v.secret)).map(v, v.secret.secretName)
- name: projected
  expression: variables.volumes.filter(v, has(v.projected) && has(v.projected.sources) && v.projected.sources.exists(s, has(s.secret)))
- name: executor
  expression: "has(object.metadata.labels) && 'spark-role' in object.metadata.labels && object.metadata.labels['spark-role'] == 'executor'"
{{- /* A predicate over the names of Secrets is written four times: CEL has no functions. */}}
{{- $uses := dict "allowed" (printf "NAME in %s" (toJson $allowed)) "driverOnly" (printf "!(variables.executor && NAME in %s)" (toJson $driverOnly)) }}
{{- range $rule, $test := $uses }}
- name: {{ $rule }}
  expression: >-
    variables.mounted.all(n, {{ replace "NAME" "n" $test }})
    && variables.projected.all(v, v.projected.sources.all(s, !has(s.secret) || {{ replace "NAME" "s.secret.name" $test }}))
    && variables.containers.all(c, !has(c.envFrom) || c.envFrom.all(e, !has(e.secretRef) || {{ replace "NAME" "e.secretRef.name" $test }}))
    && variables.containers.all(c, !has(c.env) || c.env.all(e, !has(e.valueFrom) || !has(e.valueFrom.secretKeyRef)
    || {{ replace "NAME" "e.valueFrom.secretKeyRef.name" $test }}))
{{- end }}
validations:
  - expression: variables.allowed
    messageExpression: >-
      'Secret in a job pod' + variables.where + 'a volume, env or envFrom names a Secret that is not listed'
      + {{ printf "; allowed are %s. Add it to global.jobs.allowed.secrets" (join ", " $allowed) | squote }}
  - expression: variables.driverOnly
    messageExpression: >-
      'Secret in an executor' + variables.where + '{{ join ", " $driverOnly }}: for drivers only. Take it from spec.executor'
{{- end }}
