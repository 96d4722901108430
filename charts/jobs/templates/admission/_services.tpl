{{/* A job offers nothing to the outside of its cluster, and takes over nobody's address. */}}
{{- define "jobs.admission.services" -}}
- name: type
  expression: "has(object.spec.type) ? object.spec.type : 'ClusterIP'"
validations:
  - expression: variables.type == 'ClusterIP'
    messageExpression: "'Service of a job' + variables.where + 'spec.type is ' + variables.type + '; only ClusterIP is allowed'"
  - expression: "!has(object.spec.externalIPs) || size(object.spec.externalIPs) == 0"
    messageExpression: "'Service of a job' + variables.where + 'spec.externalIPs is set; take it away'"
{{- end }}
