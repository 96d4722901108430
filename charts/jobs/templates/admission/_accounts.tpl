{{/* Whose token a pod holds, and what the platform's own accounts may create. */}}
{{- define "jobs.admission.accounts" -}}
{{- $driver := include "jobs.driver" . -}}
{{- $executor := include "jobs.executor" . -}}
{{- $submit := include "jobs.submit" . -}}
{{- $accounts := concat (list $driver $executor) .Values.global.jobs.allowed.serviceAccounts -}}
- name: account
  expression: "has(object.spec.serviceAccountName) ? object.spec.serviceAccountName : ''"
- name: role
  expression: "has(object.metadata.labels) && 'spark-role' in object.metadata.labels ? object.metadata.labels['spark-role'] : ''"
- name: creator
  expression: "request.operation == 'CREATE' ? request.userInfo.username : ''"
validations:
  - expression: variables.account in {{ toJson $accounts }}
    messageExpression: >-
      'service account of a job pod' + variables.where + 'spec.serviceAccountName is ' + variables.account
      + {{ printf "; allowed are %s. Leave it out, or add it to global.jobs.allowed.serviceAccounts" (join ", " $accounts) | squote }}
  {{- range $creator, $rule := dict $driver (list "executor" $executor) $submit (list "driver" $driver) }}
  - expression: >-
      variables.creator != 'system:serviceaccount:' + request.namespace + ':{{ $creator }}'
      || (variables.role == '{{ index $rule 0 }}' && variables.account == '{{ index $rule 1 }}')
    messageExpression: >-
      'pod made by service account {{ $creator }}' + variables.where + 'label spark-role is "' + variables.role + '" and spec.serviceAccountName is '
      + variables.account + '; it may create only {{ index $rule 0 }}s that run as {{ index $rule 1 }}:
      spark.kubernetes.authenticate.{{ index $rule 0 }}.serviceAccountName={{ index $rule 1 }}'
  {{- end }}
{{- end }}
