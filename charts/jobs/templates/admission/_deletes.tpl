{{/* A token that a job reads takes away what is its own kind's, and nobody else's driver. */}}
{{- define "jobs.admission.deletes" -}}
- name: role
  expression: "has(oldObject.metadata.labels) && 'spark-role' in oldObject.metadata.labels ? oldObject.metadata.labels['spark-role'] : ''"
validations:
  {{- range $account, $role := dict (include "jobs.driver" .) "executor" (include "jobs.submit" .) "driver" }}
  - expression: >-
      request.userInfo.username != 'system:serviceaccount:' + request.namespace + ':{{ $account }}' || variables.role == '{{ $role }}'
    messageExpression: >-
      'deletion by service account {{ $account }}' + variables.where + 'label spark-role is "' + variables.role + '"; it may delete {{ $role }}s only'
  {{- end }}
{{- end }}
