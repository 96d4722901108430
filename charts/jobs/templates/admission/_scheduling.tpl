{{/* Nobody passes the scheduler or the drivers' share of the quota. */}}
{{- define "jobs.admission.scheduling" -}}
{{- $class := include "jobs.priorityClass" . -}}
{{- $classes := include "jobs.priorityClasses" . -}}
- name: class
  expression: "has(object.spec.priorityClassName) ? object.spec.priorityClassName : ''"
- name: driver
  expression: "has(object.metadata.labels) && 'spark-role' in object.metadata.labels && object.metadata.labels['spark-role'] == 'driver'"
validations:
  - expression: "request.operation != 'CREATE' || !has(object.spec.nodeName) || object.spec.nodeName == ''"
    messageExpression: "'job pod' + variables.where + 'spec.nodeName is set; the scheduler chooses, use a nodeSelector'"
  - expression: variables.class == '' || variables.class in {{ $classes }}
    messageExpression: >-
      'priority of a job pod' + variables.where + 'spec.priorityClassName is ' + variables.class
      + {{ printf "; allowed are %s. Leave it out, or add it to global.jobs.allowed.priorityClasses" (fromJsonArray $classes | join ", ") | squote }}
  - expression: "!variables.driver || variables.class == '{{ $class }}'"
    messageExpression: >-
      'priority of a driver' + variables.where + 'spec.priorityClassName is "' + variables.class + '"; it must be {{ $class }},
      by which the quota keeps room for executors'
{{- end }}
